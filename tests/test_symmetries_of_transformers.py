"""Symmetries of models that the transformers package builds from configurations."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from solvers.pytorch.symmetry.finder import symmetries_of  # noqa: E402
from solvers.pytorch.symmetry.linear_maps import LinearMaps  # noqa: E402

SIZES = {"vocab_size": 40, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}


def built(kind):
    """A small model with random weights in double precision, and the dimension of its matrix groups."""
    torch.manual_seed(0)
    if kind == "GPT-2":
        config = transformers.GPT2Config(n_layer=2, n_head=2, n_embd=8, n_positions=16, **SIZES)
        return transformers.GPT2LMHeadModel(config).double().eval(), 2 * 2 * 2 * 4**2
    if kind == "BERT":
        sizes = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 8, "intermediate_size": 12}
        config = transformers.BertConfig(**sizes, max_position_embeddings=16, **SIZES)
        return transformers.BertModel(config).double().eval(), 2 * 2 * 2 * 4**2
    sizes = {"num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "hidden_size": 16}
    config = transformers.LlamaConfig(**sizes, intermediate_size=12, max_position_embeddings=16, **SIZES)
    # Its stream is read through norms alone, and its embedding is not its head: O(16) acts there.
    return transformers.LlamaForCausalLM(config).double().eval(), 2 * (2 * 4 + 2 * 4**2) + 16 * 15 // 2


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["GPT-2", "BERT", "Llama"])
def test_function_is_preserved(kind):
    model, matrices = built(kind)
    index = torch.randint(3, 40, (2, 6))
    symmetry = symmetries_of(model, index)
    assert not [note for note in symmetry.notes if note.startswith("dropped")]
    assert sum(one.dimension for one in symmetry.components if isinstance(one, LinearMaps)) == matrices
    unseen = torch.randint(3, 40, (3, 6))
    before = model(unseen)[0]
    element = symmetry.random_element(1)
    symmetry.apply_(element)
    after = model(unseen)[0]
    # Llama computes its norms in single precision whatever the precision of the model.
    tolerance = 1e-5 if kind == "Llama" else 1e-12
    assert float((before - after).abs().max() / before.abs().max()) < tolerance
    symmetry.apply_(element.inverse())
    assert float((before - model(unseen)[0]).abs().max() / before.abs().max()) < tolerance
