"""The palettes of graphs: Plotly's qualitative ones, by the names that Plotly gives them."""

USUAL = "Light24"
COLOURS = {
    "Light24": (
        "#fd3216 #00fe35 #6a76fc #fed4c4 #fe00ce #0df9ff #f6f926 #ff9616 #479b55 #eea6fb #dc587d "
        "#d626ff #6e899c #00b5f7 #b68e00 #c9fbe5 #ff0092 #22ffa7 #e3ee9e #86ce00 #bc7196 #7e7dcd "
        "#fc6955 #e48f72"
    ),
    "Dark24": (
        "#2e91e5 #e15f99 #1ca71c #fb0d0d #da16ff #222a2a #b68100 #750d86 #eb663b #511cfb #00a08b "
        "#fb00d1 #fc0080 #b2828d #6c7c32 #778aae #862a16 #a777f1 #620042 #1616a7 #da60ca #6c4516 "
        "#0d2a63 #af0038"
    ),
    "Plotly": "#636efa #ef553b #00cc96 #ab63fa #ffa15a #19d3f3 #ff6692 #b6e880 #ff97ff #fecb52",
    "D3": "#1f77b4 #ff7f0e #2ca02c #d62728 #9467bd #8c564b #e377c2 #7f7f7f #bcbd22 #17becf",
    "G10": "#3366cc #dc3912 #ff9900 #109618 #990099 #0099c6 #dd4477 #66aa00 #b82e2e #316395",
    "T10": "#4c78a8 #f58518 #e45756 #72b7b2 #54a24b #eeca3b #b279a2 #ff9da6 #9d755d #bab0ac",
    "Alphabet": (
        "#aa0dfe #3283fe #85660d #782ab6 #565656 #1c8356 #16ff32 #f7e1a0 #e2e2e2 #1cbe4f #c4451c "
        "#dea0fd #fe00fa #325a9b #feaf16 #f8a19f #90ad1c #f6222e #1cffce #2ed9ff #b10da1 #c075a6 "
        "#fc1cbf #b00068 #fbe426 #fa0087"
    ),
    "Set1": "#e41a1c #377eb8 #4daf4a #984ea3 #ff7f00 #ffff33 #a65628 #f781bf #999999",
    "Set2": "#66c2a5 #fc8d62 #8da0cb #e78ac3 #a6d854 #ffd92f #e5c494 #b3b3b3",
    "Set3": ("#8dd3c7 #ffffb3 #bebada #fb8072 #80b1d3 #fdb462 #b3de69 #fccde5 #d9d9d9 #bc80bd #ccebc5 #ffed6f"),
    "Pastel": "#66c5cc #f6cf71 #f89c74 #dcb0f2 #87c55f #9eb9f3 #fe88b1 #c9db74 #8be0a4 #b497e7 #b3b3b3",
    "Safe": "#88ccee #cc6677 #ddcc77 #117733 #332288 #aa4499 #44aa99 #999933 #882255 #661100 #888888",
    "Vivid": "#e58606 #5d69b1 #52bca3 #99c945 #cc61b0 #24796c #daa51b #2f8ac4 #764e9f #ed645a #a5aa99",
    "Bold": "#7f3c8d #11a579 #3969ac #f2b701 #e73f74 #80ba5a #e68310 #008695 #cf1c90 #f97b72 #a5aa99",
}
PALETTES = {name: tuple(colours.split()) for name, colours in COLOURS.items()}
