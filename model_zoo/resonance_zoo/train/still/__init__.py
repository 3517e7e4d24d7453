"""Trains, measures and ships the network that reads single pictures.

| step | module |
|---|---|
| data: FER+ faces, soft labels, near copies left out | `ferplus`, `near_duplicates` |
| hyper-parameters and their schedules | `recipe` |
| augmentation | `augment` |
| the loop: processes that average their weights | `local_sgd`, `progress` |
| the loop on one GPU, with teachers | `distil`, `augment_batch` |
| where a run stands | `checkpoint` |
| scores, calibration, what the network costs | `metrics`, `evaluate`, `calibrate`, `budget` |
| the ONNX file and its card | `ship`, `export`, `card_writer` |

Scripts: `train_static`, `train_distilled`, `evaluate_static`, `compare_static`.
"""
