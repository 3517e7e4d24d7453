"""Training: on single pictures (`still`) and on clips (`clips`).

`checkpoint_file` writes and reads the state of either; `resonance_zoo.metrics` scores both. The
two share no loop: `still` trains the small network that is shipped, on a few CPU cores, `clips`
the networks of the literature, on one GPU or many, by their authors' recipes.
"""
