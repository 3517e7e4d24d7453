"""The screens. They draw what a session tells them and own nothing else."""
