# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask ansible-core what it makes of the cases in cases.json.

Run it with a Python that has ansible-core installed, once per minor version:

    python oracle.py            write answers-<minor>.json beside this file
    python oracle.py --check    write nothing; fail when the file there differs

The answer to a case is what a module written in Python would see: the values, or the first
error. Of an answer is left out what has no meaning for a program that is not Python:

* the keys of aliases, which core leaves among the values beside the option they stand for;
* the list at the end of the text for a bad boolean, whose order changes from run to run.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import sys

from ansible.module_utils.common import arg_spec, parameters
from ansible.module_utils.errors import UnsupportedError
from ansible.release import __version__

HERE = pathlib.Path(__file__).resolve().parent
CONSTRAINTS = ("mutually_exclusive", "required_together", "required_one_of", "required_if", "required_by")
BOOLEANS = "Valid booleans include: "


def argument_spec(options: dict) -> dict:
    """The options as core wants them: `fallback_env` made the pair of function and names."""
    spec = {}
    for name, declared in options.items():
        option = dict(declared)
        names = option.pop("fallback_env", None)
        if names is not None:
            option["fallback"] = (parameters.env_fallback, names)
        if "options" in option:
            option["options"] = argument_spec(option["options"])
        spec[name] = option
    return spec


def without_aliases(options: dict, values: dict) -> dict:
    """The values of the options alone, at every level."""
    kept = {}
    for name, option in options.items():
        value = values.get(name)
        below = option.get("options")
        if below and isinstance(value, dict):
            value = without_aliases(below, value)
        elif below and isinstance(value, list):
            value = [without_aliases(below, element) for element in value]
        kept[name] = value
    return kept


def first_error(module: str, result: arg_spec.ValidationResult) -> str:
    """The message of `fail_json`, as AnsibleModule makes and masks it."""
    error = result.errors[0]
    message = error.msg
    if isinstance(error, UnsupportedError):
        message = f"Unsupported parameters for ({module}) module: {message}"
    message = parameters.remove_values(message, result._no_log_values)
    if BOOLEANS in message:
        message = message[: message.index(BOOLEANS) + len(BOOLEANS)]
    return message


def answer(module: str, spec: dict, arguments: dict, environment: dict) -> dict:
    """What core says to one case."""
    os.environ.clear()
    os.environ.update(environment)
    warnings: list[str] = []
    parameters.warn = lambda text, *_, **__: warnings.append(text)
    options = spec["options"]
    constraints = {name: spec.get(name) for name in CONSTRAINTS}
    validator = arg_spec.ArgumentSpecValidator(argument_spec(options), **constraints)
    try:
        result = validator.validate(arguments)
    except Exception as error:  # an error that a Python module would end with
        return {"crash": type(error).__name__}
    # AnsibleModule tells of the top level's aliases after those of sub-options.
    for pair in result._warnings:
        warnings.append("Both option {option} and its alias {alias} are set.".format(**pair))
    said: dict = {}
    if result.errors.errors:
        said["error"] = first_error(module, result)
    else:
        values = without_aliases(options, result.validated_parameters)
        try:
            json.dumps(values, allow_nan=False)
            said["values"] = values
        except (ValueError, TypeError):
            said["values_not_json"] = True
    if warnings:
        said["warnings"] = warnings
    if result._deprecations:
        said["deprecations"] = [
            {key: value for key, value in deprecation.items() if value is not None}
            for deprecation in result._deprecations
        ]
    if result._no_log_values:
        said["secrets"] = sorted(str(secret) for secret in result._no_log_values)
    return said


def answers(cases: dict) -> dict:
    """The answers to all cases, by group and name."""
    said = {}
    for group in cases["groups"]:
        for name, arguments, *more in group["cases"]:
            environment = {**cases["environment"], **(more[0] if more else {})}
            said[f"{group['name']}/{name}"] = answer(cases["module"], group["spec"], arguments, environment)
    for name, secrets, value in cases["masking"]:
        said[f"masking/{name}"] = {"values": parameters.remove_values(value, set(secrets))}
    return said


def render(said: dict) -> str:
    """One answer per line, so that a change shows as the lines of the changed cases."""
    version = ".".join(map(str, sys.version_info[:2]))
    head = f'{{\n"core": {json.dumps(__version__)},\n"python": {json.dumps(version)},\n"answers": {{\n'
    lines = (
        f"{json.dumps(name)}: {json.dumps(text, separators=(',', ':'), allow_nan=False)}"
        for name, text in said.items()
    )
    return head + ",\n".join(lines) + "\n}}\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the committed answers")
    arguments = parser.parse_args()
    cases = json.loads((HERE / "cases.json").read_text(encoding="utf-8"))
    text = render(answers(cases))
    minor = ".".join(__version__.split(".")[:2])
    path = HERE / f"answers-{minor}.json"
    if not arguments.check:
        path.write_text(text, encoding="utf-8")
    elif not path.exists() or json.loads(path.read_text(encoding="utf-8"))["answers"] != json.loads(text)["answers"]:
        print(f"{path.name} is not what ansible-core {__version__} says; run oracle.py without --check", file=sys.stderr)
        return 1
    print(f"{path.name}: ansible-core {__version__}, {text.count(chr(10)) - 5} answers")
    return 0


if __name__ == "__main__":
    sys.exit(main())
