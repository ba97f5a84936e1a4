"""Making a network from its description fetches nothing, whoever wrote the description."""

import json
from pathlib import Path

import pytest
from tiny_networks import CONFIGS

from weakseg.errors import NetworkUnavailable
from weakseg.pretrained.pretrained import Pretrained, Untrained

UPERNET = {"model_type": "upernet", "hidden_size": 8}
FETCHING = {
    "a backbone that is only named": {**UPERNET, "backbone": "somebody/backbone"},
    "untrained": {**UPERNET, "backbone": "somebody/backbone", "use_pretrained_backbone": False},
    "pretrained": {**UPERNET, "use_pretrained_backbone": True},
    "timm": {**UPERNET, "backbone": "resnet18", "use_timm_backbone": True},
    "timm inside": {**UPERNET, "backbone_config": {"model_type": "timm_wrapper", "architecture": "hf_hub:a/b"}},
    "dpt": {"model_type": "dpt", "backbone": "somebody/backbone"},
    "inside": {**UPERNET, "backbone_config": {"model_type": "depth_anything", "backbone": "somebody/backbone"}},
    "in a list": {**UPERNET, "parts": [{"backbone": "somebody/backbone"}]},
    "code": {"model_type": "segformer", "auto_map": {"AutoModelForSemanticSegmentation": "a/b--code.Model"}},
    "kernels": {"model_type": "segformer", "attn_implementation": "somebody/kernel"},
}


def _described(folder: Path, settings: dict) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(settings))
    return str(folder)


@pytest.mark.parametrize("settings", FETCHING.values(), ids=FETCHING)
def test_what_would_have_to_be_fetched_is_refused(settings, tmp_path, asked):
    """From a folder and from a run's record alike, before anybody is asked; the message has the setting's value."""
    folder = _described(tmp_path / "network", settings)
    record = {"architecture": settings, "mean": [0.5], "std": [0.5], "fresh_parameters": []}
    for make in (
        lambda: Untrained(folder).build(3, 2),
        lambda: Pretrained(folder).build(3, 2),
        lambda: Untrained("").rebuild(3, 2, record),
        lambda: Pretrained("").rebuild(3, 2, record),
    ):
        with pytest.raises(NetworkUnavailable, match="needs a download: [a-z_.0]* is "):
            make()
    with pytest.raises(NetworkUnavailable, match=f"{folder}/config.json: the architecture needs"):
        Untrained(folder).build(3, 2)
    assert asked == []


def test_the_advice_makes_a_network_of_it(tmp_path, asked):
    """Without the name, and with the backbone in full, it is built."""
    full = CONFIGS["upernet_convnext"]().to_dict()
    folder = _described(tmp_path, {**full, "backbone": "somebody/backbone"})
    with pytest.raises(NetworkUnavailable, match="remove these settings, and describe a backbone in full"):
        Untrained(folder).build(3, 2)

    _described(tmp_path, full)

    assert Untrained(folder).build(3, 2).stride == 4
    assert asked == []


def test_settings_that_name_nothing_are_let_be(tmp_path, asked):
    """Empty ones, which transformers itself writes; a class that is called backbone; and where a network came from."""
    names = {"backbone": None, "use_timm_backbone": False, "use_pretrained_backbone": False}
    names |= {"_name_or_path": "somebody/network", "label2id": {"spine": 0, "backbone": 1}}
    names |= {"attn_implementation": "eager"}
    folder = _described(tmp_path, {**CONFIGS["upernet_swin"]().to_dict(), **names})

    network = Untrained(folder).build(3, 2)

    assert Untrained("").rebuild(3, 2, json.loads(json.dumps(network.config))).stride == 4
    assert "somebody" not in json.dumps(network.config)
    assert asked == []


def test_what_nobody_thought_of_meets_a_closed_door(tmp_path, asked, monkeypatch):
    """Whatever a version of transformers asks the hub while a network is made, no request leaves."""
    import huggingface_hub
    import transformers

    def curious(*_, **__):
        return huggingface_hub.HfApi().repo_exists("somebody/network")

    monkeypatch.setattr(transformers.AutoModelForSemanticSegmentation, "from_config", curious)
    with pytest.raises(NetworkUnavailable, match="offline mode"):
        Untrained(_described(tmp_path, CONFIGS["segformer"]().to_dict())).build(3, 2)
    assert asked == []
    with pytest.raises(Exception, match="no network here"):
        curious()
    assert asked != []
