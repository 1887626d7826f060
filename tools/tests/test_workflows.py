"""The workflows of continuous integration: pinned, with few rights, and of commands that exist."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from check_repo import ROOT, package_names

FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
_USES = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


@pytest.fixture(params=FILES, ids=lambda path: path.name)
def workflow(request: pytest.FixtureRequest) -> tuple[str, dict]:
    """A workflow's text and content."""
    text = request.param.read_text(encoding="utf-8")
    return text, yaml.safe_load(text)


def commands(content: dict) -> list[str]:
    return [step["run"] for job in content["jobs"].values() for step in job["steps"] if "run" in step]


def test_actions_are_pinned_by_commit_and_name_their_version(workflow: tuple[str, dict]):
    text, _ = workflow
    used = [line.strip().removeprefix("- ") for line in text.splitlines() if "uses:" in line]
    assert used
    assert [line for line in used if not _USES.match(line)] == []


def test_an_action_has_one_version_everywhere():
    lines = {
        line.strip().removeprefix("- ") for file in FILES for line in file.read_text().splitlines() if "uses:" in line
    }
    names = [line.partition("@")[0] for line in lines]
    assert len(names) == len(set(names))


def test_rights_are_to_read_unless_a_job_says_otherwise(workflow: tuple[str, dict]):
    _, content = workflow
    assert content["permissions"] == {"contents": "read"}
    for name, job in content["jobs"].items():
        assert name in ("attest", "publish", "notes", "deploy") or "permissions" not in job


def test_tokens_are_not_kept_and_texts_of_others_are_not_run(workflow: tuple[str, dict]):
    _, content = workflow
    for job in content["jobs"].values():
        for step in job["steps"]:
            if "actions/checkout@" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False
    assert not any("${{" in command and "matrix" not in command for command in commands(content))


def test_commands_of_hatch_exist(workflow: tuple[str, dict]):
    _, content = workflow
    environments = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["envs"]
    for name in re.findall(r"hatch run ([\w:.-]+)", "\n".join(commands(content))):
        environment, _, script = name.rpartition(":")
        known = environments[environment or "default"].get("scripts", {}) | environments["default"]["scripts"]
        assert script in known or script == "python", name


def test_matrices_name_every_package():
    jobs = [job for file in FILES for job in yaml.safe_load(file.read_text(encoding="utf-8"))["jobs"].values()]
    listed = [
        job["strategy"]["matrix"]["package"] for job in jobs if "package" in job.get("strategy", {}).get("matrix", {})
    ]
    assert listed
    assert all(sorted(names) == package_names(ROOT) for names in listed)


def test_a_tag_of_each_package_starts_a_release():
    content = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8"))
    assert sorted(content[True]["push"]["tags"]) == [
        f"{name}-v*" for name in package_names(ROOT)
    ]  # YAML reads `on` as true
    assert content["jobs"]["publish"]["permissions"] == {"id-token": "write"}
    assert content["jobs"]["attest"]["permissions"] == {"attestations": "write", "id-token": "write"}
    assert Path(ROOT / ".github" / "SECURITY.md").is_file()
