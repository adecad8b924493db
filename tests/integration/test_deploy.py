"""What is in deploy/ and packaging/ is what the tools that read it accept."""

import json
import re
import shutil
import subprocess

import pytest


def run(*command, **keywords):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                            timeout=120, **keywords)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_yaml(root, tool):
    rules = ("{extends: default, rules: {line-length: {max: 140}, document-start: disable, "
             "braces: disable}}")
    run(tool("yamllint"), "--strict", "-d", rules, root / "deploy")


def test_dockerfile(root, tool):
    # DL3008: versions of Debian's packages are fixed by the release, not one by one.
    run(tool("hadolint"), "--ignore", "DL3008", root / "deploy/docker/Dockerfile")


def test_compose_file(root, tool, tmp_path):
    for name in ("database-url", "database-password", "operator-token", "master-key"):
        (tmp_path / name).touch()
    shutil.copy(root / "deploy/docker/compose.yaml", tmp_path)
    shown = run(tool("docker-compose"), "-f", tmp_path / "compose.yaml", "config")
    assert "read_only: true" in shown


def test_kubernetes_manifests(root, tool):
    run(tool("kubernetes-validate"), "--strict", root / "deploy/kubernetes/skyhook.yaml")
    text = (root / "deploy/kubernetes/skyhook.yaml").read_text()
    grace = int(re.search(r"terminationGracePeriodSeconds: (\d+)", text).group(1))
    before_stop = int(re.search(r'command: \[sleep, "(\d+)"\]', text).group(1))
    assert grace >= before_stop + 30, "the pod is killed before shutdown_timeout (30s) ends"


def test_systemd_unit(root, tool, tmp_path):
    unit = tmp_path / "skyhook.service"
    text = (root / "packaging/skyhook.service").read_text()
    run(tool("systemd-analyze"), "security", "--offline=true", "--threshold=20",
        root / "packaging/skyhook.service")
    # The binary is not installed here; everything else must be known to systemd.
    unit.write_text(text.replace("/usr/bin/skyhook", shutil.which("true")))
    result = subprocess.run([tool("systemd-analyze"), "verify", "--man=no", str(unit)],
                            capture_output=True, text=True, timeout=60)
    complaints = [line for line in result.stderr.splitlines() if "skyhook.service" in line]
    assert not complaints, result.stderr


def test_alert_rules(root, tool):
    directory = root / "deploy/prometheus"
    run(tool("promtool"), "check", "rules", directory / "skyhook.rules.yaml")
    run(tool("promtool"), "test", "rules", directory / "skyhook.rules.test.yaml")
    run(tool("promtool"), "check", "config", "--syntax-only",
        directory / "prometheus.example.yaml")


def test_every_alert_is_explained(root):
    rules = (root / "deploy/prometheus/skyhook.rules.yaml").read_text()
    alerts = re.findall(r"- alert: (\w+)", rules)
    operating = (root / "docs/operating.md").read_text()
    assert alerts
    for alert in alerts:
        assert f"### {alert}\n" in operating
        assert f"runbook: docs/operating.md#{alert.lower()}\n" in rules


def names_used(text):
    names = set(re.findall(r"\b(?:skyhook|process)_[a-z_]+\b", text))
    return names - {"skyhook_operator_token"}


def test_dashboard_and_rules_use_metrics_that_exist(root, server, tool):
    """Every name in the dashboard and the rules is in /metrics, and promtool finds no fault there."""
    account = server.account()
    account.publish()
    answer = server.request("GET", "/metrics",
                            headers={"Authorization": f"Bearer {server.operator_token}"})
    assert answer.status == 200
    text = answer.body.decode()
    result = subprocess.run([tool("promtool"), "check", "metrics"], input=text,
                            capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stdout + result.stderr
    families = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    known = families | {name + suffix for name in families
                        for suffix in ("_bucket", "_sum", "_count")}
    for path in ("grafana/skyhook.json", "prometheus/skyhook.rules.yaml"):
        used = names_used((root / "deploy" / path).read_text())
        assert used and used <= known, f"{path}: {sorted(used - known)}"


def test_labels_are_bounded(server):
    text = server.request("GET", "/metrics", headers={
        "Authorization": f"Bearer {server.operator_token}"}).body.decode()
    labels = set(re.findall(r'[{,](\w+)="', text))
    assert labels <= {"le", "reason", "status", "version"}, labels


def test_dashboard_is_one(root):
    dashboard = json.loads((root / "deploy/grafana/skyhook.json").read_text())
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids)) > 10
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        if panel["type"] != "row":
            assert panel["description"] and panel["targets"]
