"""Samples for TensorFlow: a tf.data pipeline of whole batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atomloom._lazy import need
from atomloom.samples.iterating import parts_of

if TYPE_CHECKING:
    from atomloom.samples.iterating import Shard
    from atomloom.samples.sample_set import Dataset


def to_tf(source: Dataset | Shard, batch_size: int, **settings: Any) -> Any:
    """Give a ``tf.data.Dataset`` of batches: dicts of tensors.

    Parameters
    ----------
    source : Dataset or Shard
    batch_size : int
    **settings
        As of :meth:`Dataset.iter`.

    Notes
    -----
    Each pass over it is the next epoch. Fields that functions make are left out: their types are not known before.
    """
    tf = need("tensorflow", why="samples as a tf.data pipeline")
    fields = parts_of(source)[0].fields
    signature = {
        name: tf.TensorSpec(shape=(None, *shape), dtype=tf.as_dtype(dtype)) for name, (dtype, shape) in fields.items()
    }
    batches = source.iter(batch_size, **settings)

    def generate() -> Any:
        for batch in batches:
            yield {name: batch[name] for name in signature}

    return tf.data.Dataset.from_generator(generate, output_signature=signature)
