// Whether the page is laid out for a phone. page.css names the same width.
export const isNarrow = () => matchMedia('(max-width: 700px)').matches
