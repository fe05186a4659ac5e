"""Settings, parsed once at the edge: file, environment, command line; the later one wins.

A setting is named `section.key` in the file and on the command line, `MYTRADER__SECTION__KEY` in
the environment. Everything that is wrong is reported at once, a line each, with its source.
A flag or a setting that would switch a guard off is ignored and listed in
`Settings.ignored_flags`, so that the start can say so (`GUARD_FLAG_IGNORED`).

The layers are joined by hand and not by the sources of pydantic-settings, which forget where a
value came from when they are merged; here every value and every error can name it.
"""

import difflib
import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import yaml
from pydantic import ValidationError

from mytrader.errors import BadInput
from mytrader.release_calendar import load_releases
from mytrader.setting_types import duration_text
from mytrader.settings import SECTIONS, Settings, to_limits

__all__ = ["Settings", "config_hash", "example_yaml", "load_settings", "show", "to_limits"]

ENVIRONMENT: Final = "environment"
COMMAND_LINE: Final = "command line"
PREFIX: Final = "MYTRADER__"
FLAG_PREFIX: Final = "FF_"
MASK: Final = "********"

_ON: Final = {"true", "1", "on", "yes", "y", "t"}
_OFF: Final = {"false", "0", "off", "no", "n", "f", "none", "null", ""}
_USER_OF_ADDRESS: Final = re.compile(r"//\S*@")
_NOT_IN_CHAIN: Final = {"ib.account", "journal.path", "learning.key_folder", "rag.path"}
"""An account is nobody's business, and where files lie changes no decision."""

_SECTIONS_NOT_IN_CHAIN: Final = {"telegram", "telemetry"}
"""Who is told what decides nothing, and a token has no place in the record, hashed or not."""


class _Layer(NamedTuple):
    """Values by `section.key` from one source; `spelled` says what the source calls a name."""

    source: str
    values: dict[str, object]
    spelled: Mapping[str, str] = {}


def load_settings(
    path: Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] | None = None,
) -> Settings:
    """Return the settings from the YAML file at `path`, the environment and the command line.

    `environ` is the process's own unless given. `overrides` is by `section.key`; `None` in it is
    an option that was not used. Raises `BadInput` with one line for each thing that is wrong.
    """
    environ = os.environ if environ is None else environ
    errors: list[str] = []
    layers = [_file_layer(path, errors)] if path is not None else []
    layers.append(_environment_layer(environ, errors))
    used = {name: value for name, value in (overrides or {}).items() if value is not None}
    layers.append(_Layer(COMMAND_LINE, used))
    ignored = [*_flags_ignored(environ)]
    for layer in layers:
        ignored += _take_switches_out(layer)
        errors += _layer_errors(layer)
    if errors:
        raise BadInput(*errors)
    settings = _joined(layers, tuple(ignored))
    calendar = settings.session.blackouts
    return settings if calendar is None else settings.warned(load_releases(calendar))


def config_hash(settings: Settings) -> str:
    """Return the SHA-256 of everything that decides, for the journal's header.

    Equal settings have equal hashes, however they were written and wherever they came from.
    """
    plain = {
        name: _plain(value, exact=True)
        for name, value in _leaves(settings)
        if name not in _NOT_IN_CHAIN and name.split(".")[0] not in _SECTIONS_NOT_IN_CHAIN
    }
    encoded = msgspec.json.encode(plain, order="deterministic")
    return hashlib.sha256(encoded).hexdigest()


def show(settings: Settings) -> dict[str, dict[str, dict[str, Any]]]:
    """Return `{section: {key: {"value": …, "source": …}}}`, ready for JSON, secrets masked."""
    shown: dict[str, dict[str, dict[str, Any]]] = {section: {} for section in SECTIONS}
    for name, value in _leaves(settings):
        section, _, key = name.partition(".")
        masked = MASK if _secret(section, key) and value is not None else _plain(value)
        shown[section][key] = {"value": masked, "source": settings.source(name)}
    return shown


def example_yaml() -> str:
    """Return the text of `docs/reference/config.example.yaml`: every setting at its default."""
    lines = ["# Every setting of mytrader at its default. Generated from mytrader/settings.py."]
    defaults = show(Settings())
    for section, model in SECTIONS.items():
        lines += ["", f"# {(model.__doc__ or '').splitlines()[0]}", f"{section}:"]
        for key, field in model.model_fields.items():
            value = msgspec.json.encode(defaults[section][key]["value"]).decode()
            text = value.strip('"') if value.count('"') == 2 else value.replace('"', "")
            lines.append(f"  {key}: {text}".ljust(44) + f"  # {field.description}")
    return "\n".join(lines) + "\n"


# The layers


class _UniqueKeys(yaml.SafeLoader):
    """YAML that refuses a key given twice: of two limits the reader would see only one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping; raises `yaml.constructor.ConstructorError` for a repeated key."""
        seen: set[str] = set()
        for key, _value in node.value:
            text = str(key.value)
            if text in seen:
                problem = f"{text} is given twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(text)
        return super().construct_mapping(node, deep)


def _file_layer(path: Path, errors: list[str]) -> _Layer:
    source, values = str(path), dict[str, object]()
    for section, body in _parsed(path).items():
        if section not in SECTIONS:
            errors.append(f"{source}: {section}: unknown section{_meant(section, SECTIONS)}")
        elif isinstance(body, dict):
            values |= {f"{section}.{key}": value for key, value in body.items()}
        elif body is not None:
            errors.append(f"{source}: {section}: must hold settings, each on its own line")
    return _Layer(source, values)


def _parsed(path: Path) -> dict[str, Any]:
    try:
        content = yaml.load(path.read_text("utf-8"), _UniqueKeys)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}: check --config") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path}: is not text in UTF-8: check --config") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}: " if mark else ""
        raise BadInput(f"{path}: {line}is not YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        text = " ".join(str(error).split())
        raise BadInput(f"{path}: is not YAML: {text}") from None
    if content is not None and not isinstance(content, dict):
        raise BadInput(f"{path}: must hold sections such as `trading:`, not {_brief(content)}")
    return {str(key): value for key, value in (content or {}).items()}


def _environment_layer(environ: Mapping[str, str], errors: list[str]) -> _Layer:
    values, spelled = dict[str, object](), dict[str, str]()
    for variable, value in sorted(environ.items()):
        if not variable.upper().startswith(PREFIX):
            continue
        parts = variable[len(PREFIX) :].lower().split("__")
        if len(parts) != 2:
            shape = f"{PREFIX}SECTION__KEY"
            errors.append(f"{ENVIRONMENT}: {variable}: unknown: settings are named {shape}")
            continue
        name = ".".join(parts)
        values[name], spelled[name] = value, variable
    return _Layer(ENVIRONMENT, values, spelled)


# Guards have no off switch


def _flags_ignored(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for key in SECTIONS["features"].model_fields:
        flag = f"{FLAG_PREFIX}{key.upper()}"
        if flag in environ and environ[flag].strip().lower() not in _ON:
            yield flag, ENVIRONMENT


def _take_switches_out(layer: _Layer) -> Iterator[tuple[str, str]]:
    """Remove what would switch a guard off, and every flag of the earlier trader, from a layer.

    Yields what was not plainly on. A value of `block_on_wait` that is neither on nor off stays
    and is reported as an error.
    """
    for name in list(layer.values):
        section, _, key = name.partition(".")
        text = str(layer.values[name]).strip().lower()
        flag = key.lower().removeprefix(FLAG_PREFIX.lower())
        is_flag = section == "features" and flag in SECTIONS["features"].model_fields
        if is_flag or (name == "aws_agents.block_on_wait" and text in _OFF):
            del layer.values[name]
            if text not in _ON:
                yield layer.spelled.get(name, name), layer.source


# What is wrong, and where


def _layer_errors(layer: _Layer) -> Iterator[str]:
    by_section: dict[str, dict[str, object]] = {}
    for name, value in layer.values.items():
        section, _, key = name.partition(".")
        by_section.setdefault(section, {})[key] = value
    for section, values in by_section.items():
        if section not in SECTIONS:
            named = layer.spelled.get(f"{section}.{next(iter(values))}", section)
            yield f"{layer.source}: {named}: unknown section{_meant(section, SECTIONS)}"
            continue
        try:
            SECTIONS[section].model_validate(values)
        except ValidationError as error:
            yield from _told(layer, section, error)


def _told(layer: _Layer, section: str, error: ValidationError) -> Iterator[str]:
    seen: set[str] = set()
    for found in error.errors():
        key = str(found["loc"][0])
        if key in seen:
            continue
        seen.add(key)
        named = layer.spelled.get(f"{section}.{key}", f"{section}.{key}")
        if found["type"] == "extra_forbidden":
            what = f"unknown key{_meant(key, SECTIONS[section].model_fields)}"
        else:
            what = found["msg"].removeprefix("Value error, ").replace("Input should", "must")
            given = layer.values[f"{section}.{key}"]
            what += "" if _secret(section, key) else f" (it is {_brief(given)})"
        yield f"{layer.source}: {named}: {what}"


def _meant(name: str, known: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(name.lower(), known, n=1)
    return f" (did you mean {close[0]}?)" if close else f": there are {', '.join(known)}"


def _brief(value: object) -> str:
    # What stands before the host of an address may be a password.
    text = _USER_OF_ADDRESS.sub("//…@", " ".join(str(value).split()))
    return repr(text if len(text) <= 40 else f"{text[:40]}…")


def _joined(layers: list[_Layer], ignored: tuple[tuple[str, str], ...]) -> Settings:
    merged: dict[str, dict[str, object]] = {}
    sources: dict[str, str] = {}
    for layer in layers:
        for name, value in layer.values.items():
            section, _, key = name.partition(".")
            merged.setdefault(section, {})[key] = value
            sources[name] = layer.source
    try:
        return Settings.model_validate(merged).told(sources, ignored)
    except ValidationError as error:
        found = error.errors()[0]["msg"].removeprefix("Value error, ").splitlines()
        lines = [f"{sources.get(line.split(':')[0], 'default')}: {line}" for line in found]
        raise BadInput(*lines) from None


# Values as people and files see them


def _leaves(settings: Settings) -> Iterator[tuple[str, object]]:
    for section, model in SECTIONS.items():
        for key in model.model_fields:
            yield f"{section}.{key}", getattr(getattr(settings, section), key)


def _secret(section: str, key: str) -> bool:
    field = SECTIONS[section].model_fields[key]
    return isinstance(field.json_schema_extra, dict) and "secret" in field.json_schema_extra


def _plain(value: object, *, exact: bool = False) -> object:
    """Return a value as JSON has it; `exact` gives equal values one spelling."""
    match value:
        case timedelta():
            return value // timedelta(microseconds=1) if exact else duration_text(value)
        case Decimal():
            return f"{value.normalize():f}"
        case Path():
            return str(value)
        case tuple():
            return list(value)
        case float() if value.is_integer():
            return int(value)
        case _:
            return value
