"""What is in deploy/ and packaging/ is what the tools that read it accept."""

import json
import re
import shutil
import subprocess

import pytest
import yaml


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
        (tmp_path / name).touch()  # as docs/operating.md has them made
    shutil.copy(root / "deploy/docker/compose.yaml", tmp_path)
    shown = yaml.safe_load(run(tool("docker-compose"), "-f", tmp_path / "compose.yaml", "config"))
    nodes = [shown["services"][name] for name in ("node-1", "node-2")]
    assert all(node["read_only"] and node["cap_drop"] == ["ALL"] for node in nodes)
    assert len({str(node["ports"]) for node in nodes}) == 2
    assert "database" in shown["services"]


@pytest.fixture(scope="module")
def manifests(root):
    """By kind."""
    with open(root / "deploy/kubernetes/skyhook.yaml", encoding="utf-8") as stream:
        return {one["kind"]: one for one in yaml.safe_load_all(stream)}


def test_kubernetes_manifests_are_valid(root, tool):
    run(tool("kubernetes-validate"), "--strict", root / "deploy/kubernetes/skyhook.yaml")


def test_kubernetes_objects_belong_together(manifests):
    deployment = manifests["Deployment"]["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    assert deployment["selector"]["matchLabels"] == labels
    assert manifests["Service"]["spec"]["selector"] == labels
    assert manifests["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    # A node may be taken away while others go on, in an upgrade and when a machine is emptied.
    assert manifests["PodDisruptionBudget"]["spec"]["maxUnavailable"] < deployment["replicas"]
    assert deployment["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_the_pod_is_confined_and_watched(root, manifests):
    pod = manifests["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    version = re.search(r"project\(skyhook VERSION ([\d.]+)", (root / "CMakeLists.txt").read_text()).group(1)
    assert container["image"] == f"skyhook:{version}"
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True and pod["securityContext"]["runAsUser"] > 10_000
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                            "capabilities": {"drop": ["ALL"]}}
    assert container["resources"]["limits"]["memory"] and container["resources"]["requests"]["cpu"]
    # What it writes to is there in spite of the read-only root.
    volumes = {volume["name"] for volume in pod["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes
    # A database that is away makes a node not ready, and never restarts it.
    probes = {kind: container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "readiness", "liveness")}
    assert probes == {"startup": "/readyz", "readiness": "/readyz", "liveness": "/healthz"}
    (port,) = container["ports"]
    assert all(container[f"{kind}Probe"]["httpGet"]["port"] == port["name"] for kind in probes)
    assert manifests["Service"]["spec"]["ports"][0]["targetPort"] == port["name"]


def test_every_end_is_graceful(root, manifests):
    """Whoever stops a node waits for longer than it may take (shutdown_timeout, 30 s by default)."""
    longest = 30
    pod = manifests["Deployment"]["spec"]["template"]["spec"]
    before_stop = int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] > before_stop + longest
    with open(root / "deploy/docker/compose.yaml", encoding="utf-8") as stream:
        compose = yaml.safe_load(stream)
    assert int(compose["services"]["node-1"]["stop_grace_period"].removesuffix("s")) > longest
    unit = (root / "packaging/skyhook.service").read_text()
    assert int(re.search(r"^TimeoutStopSec=(\d+)s$", unit, re.MULTILINE).group(1)) > longest
    assert "| `30s` |" in next(line for line in (root / "docs/settings.md").read_text().splitlines()
                               if "`--shutdown-timeout " in line)


def settings_given(text):
    return set(re.findall(r"\bSKYHOOK_[A-Z_]+\b", text))


def test_the_variables_that_are_set_are_settings(root):
    known = settings_given((root / "docs/settings.md").read_text())
    known |= {name + "_FILE" for name in known}
    for name in ("docker/Dockerfile", "docker/compose.yaml", "kubernetes/skyhook.yaml"):
        given = settings_given((root / "deploy" / name).read_text())
        assert given and given <= known, f"{name}: {given - known}"


def test_the_image_is_built_in_stages_and_unprivileged(root):
    text = (root / "deploy/docker/Dockerfile").read_text()
    first, last = re.split(r"^FROM ", text, flags=re.MULTILINE)[1:]
    assert "install-dependencies.sh build" in first and "install-dependencies" not in last
    assert re.search(r"^USER 65532:65532$", last, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK .*skyhook.*health", last, re.MULTILINE)


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
    # The alerts and the dashboard ask for the job by its name.
    (job,) = yaml.safe_load((directory / "prometheus.example.yaml").read_text())["scrape_configs"]
    assert job["job_name"] == "skyhook" and job["authorization"]["credentials_file"]


def test_every_alert_is_tested_and_explained(root):
    directory = root / "deploy/prometheus"
    (group,) = yaml.safe_load((directory / "skyhook.rules.yaml").read_text())["groups"]
    alerts = {rule["alert"] for rule in group["rules"]}
    tests = yaml.safe_load((directory / "skyhook.rules.test.yaml").read_text())["tests"]
    fired = {one["alertname"] for test in tests for one in test.get("alert_rule_test", [])
             if one["exp_alerts"]}
    assert fired == alerts
    operating = (root / "docs/operating.md").read_text()
    assert set(re.findall(r"^### (Skyhook\w+)$", operating, re.MULTILINE)) == alerts
    for rule in group["rules"]:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["runbook"] == f"docs/operating.md#{rule['alert'].lower()}"


def test_dashboard_is_one(root):
    dashboard = json.loads((root / "deploy/grafana/skyhook.json").read_text())
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids)) > 10
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        if panel["type"] != "row":
            assert panel["description"] and panel["targets"]


def test_the_dashboards_queries_are_promql(root, tool, tmp_path):
    dashboard = json.loads((root / "deploy/grafana/skyhook.json").read_text())
    queries = [target["expr"].replace("$__rate_interval", "5m").replace("$instance", ".*")
               for panel in dashboard["panels"] for target in panel.get("targets", [])]
    assert len(queries) > 20 and not any("$" in query for query in queries)
    # promtool reads queries as those of rules.
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
    path = tmp_path / "dashboard.rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    run(tool("promtool"), "check", "rules", path)
