"""What surrounds sd_civitai_extension in AUTOMATIC1111's web UI, as far as its link code looks.

    a1111-host.py CHECKOUT LINK-SERVER HOME

Written for trials: it holds none of the web UI's code and draws nothing. It loads the extension as the
web UI does (preload, then scripts, then "app started") and leaves every file of it as it is.

Reads lines of JSON: {"set": [option, value]} as the settings page would, {"tell": option}. Answers
and every saved option are printed after "@@"; whatever else is printed is the extension's own.
"""

import argparse
import hashlib
import importlib.util
import json
import os
import sys
import threading
import types

checkout, endpoint, home = (os.path.abspath(each) if at != 1 else each for at, each in enumerate(sys.argv[1:4]))
models = os.path.join(home, "models")
config = os.path.join(home, "config.json")


def module(name, **fields):
    made = types.ModuleType(name)
    vars(made).update(fields)
    sys.modules[name] = made
    parent, _, last = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], last, made)
    return made


def folder(*names):
    path = os.path.join(models, *names)
    os.makedirs(path, exist_ok=True)
    return path


def tell(value):
    # The extension's `print` writes a line in two parts, in threads of its own: this may come between.
    sys.stdout.write("\n@@" + json.dumps(value) + "\n")
    sys.stdout.flush()


class OptionInfo:
    def __init__(self, default=None, label="", section=None, onchange=None):
        self.default, self.onchange = default, onchange


class Options:
    """Settings: known by the scripts' labels, kept in a file, and telling who wants to know."""

    def __init__(self):
        self.labels = {}
        self.data = {}
        if os.path.exists(config):
            with open(config) as file:
                self.data = json.load(file)

    def add_option(self, key, info):
        self.labels[key] = info
        self.data.setdefault(key, info.default)

    def set(self, key, value):
        if self.data.get(key) == value:
            return False
        self.data[key] = value
        if self.labels[key].onchange is not None:
            self.labels[key].onchange()
        return True

    def save(self, filename):
        with open(filename, "w") as file:
            json.dump(self.data, file)
        tell({"saved": self.data.get("civitai_link_key")})


class Hashes:
    """SHA-256 of files, remembered while they do not change."""

    known = {}

    @classmethod
    def sha256(cls, filename, title):
        mark = (filename, os.path.getmtime(filename), os.path.getsize(filename))
        if mark not in cls.known:
            with open(filename, "rb") as file:
                cls.known[mark] = hashlib.sha256(file.read()).hexdigest()
        return cls.known[mark]


class Anything:
    """Parts that are imported and, in a trial, never used."""

    def __init__(self, *args, **kwargs):
        pass


class Bar(Anything):
    def __enter__(self):
        return self

    def __exit__(self, *args):
        return False

    def update(self, count):
        pass


def unless_installed(name, **fields):
    try:
        __import__(name)
    except ImportError:
        module(name, **fields)


def field(default=None, **kwargs):
    return default


unless_installed("tqdm", tqdm=Bar)
unless_installed("pydantic", BaseModel=Anything, Field=field)
module("gradio", Blocks=Anything)

parser = argparse.ArgumentParser()


def load(*names):
    """A file of the extension, as a module of its own."""
    path = os.path.join(checkout, *names)
    spec = importlib.util.spec_from_file_location(names[-1][:-3] + "_of_extension", path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


load("preload.py").preload(parser)
cmd_opts = parser.parse_args(["--civitai-link-endpoint", endpoint])
cmd_opts.lora_dir = folder("Lora")
cmd_opts.lyco_dir = folder("LyCORIS")
cmd_opts.ckpt_dir = folder("Stable-diffusion")
cmd_opts.hypernetwork_dir = folder("hypernetworks")
cmd_opts.embeddings_dir = folder("embeddings")

started = []
opts = Options()
nothing = lambda *args, **kwargs: None
module("modules")
module(
    "modules.shared",
    opts=opts,
    cmd_opts=cmd_opts,
    config_filename=config,
    OptionInfo=OptionInfo,
    reload_hypernetworks=nothing,
)
module("modules.script_callbacks", on_ui_settings=lambda then: then(), on_app_started=started.append)
module("modules.hashes", sha256=Hashes.sha256)
module("modules.paths", models_path=models)
module("modules.sd_models", model_path=cmd_opts.ckpt_dir, checkpoints_list={}, list_models=nothing)
module("modules.sd_vae", vae_path=folder("VAE"), refresh_vae_list=nothing)
module("modules.ui_extra_networks", extra_pages=[])
module("modules.api")
module("modules.api.api", encode_pil_to_base64=nothing, validate_sampler_name=nothing)
module("modules.api.models", StableDiffusionTxt2ImgProcessingAPI=Anything, TextToImageResponse=Anything)
module("modules.processing", StableDiffusionProcessingTxt2Img=Anything, process_images=nothing)
module("modules.call_queue", queue_lock=threading.Lock())

sys.path.insert(0, checkout)
load("scripts", "settings.py")
load("scripts", "link.py")
for then in started:
    then(None, None)
tell({"started": True})

for line in sys.stdin:
    asked = json.loads(line)
    if "set" in asked:
        opts.set(*asked["set"])
    else:
        tell({"told": opts.data.get(asked["tell"])})
os._exit(0)
