"""Graphs of tables as Plotly JSON: plain numbers in, a figure out, with NumPy alone.

All that a picture of a figure shows stands in it: `app.pictures.figures` draws the same JSON.
"""
