"""Trains and evaluates the clip networks as their authors did.

| step | module |
|---|---|
| data: lists of clips, folders of frames, which frames | `annotations`, `frames`, `sampling` |
| augmentation, batches | `augment`, `batches`, `randomness` |
| the authors' recipes, flags that change them | `recipes`, `flags` |
| losses | `objectives` |
| optimiser and learning rate | `optim`, `schedule` |
| what is trained: classes of clips, or hidden patches | `fine_tune`, `pretrain` |
| a run: put together, the loop, what a person sees | `session`, `loop`, `watch` |
| where a run stands | `checkpoint` |
| scores of a trained network | `scoring`, `evaluate`, `predictions` |

Scripts: `train_dfer`, `pretrain_dfer`, `evaluate_dfer`.
"""
