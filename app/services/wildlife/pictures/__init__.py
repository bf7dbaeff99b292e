"""Pictures of media as viewers may see them: annotated, blurred or withheld; and charts."""
