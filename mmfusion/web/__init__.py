"""A page in the browser that fuses two images.

What it does (:mod:`.uploads`, :mod:`.fusing`) knows nothing of the page;
:mod:`.page` alone imports gradio.
"""
