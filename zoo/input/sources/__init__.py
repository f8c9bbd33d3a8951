"""What a data layer can read: one kind of source a file.

A source has `channels`, `image_shape` ((H, W) or None), `min_size` ((H, W), or None where it is not known), `count`
(records in one pass), `batches(start_batch, batch_size, transform, part)` and `diagnose(error)`.
"""
