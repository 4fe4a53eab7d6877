package compose_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"seatrial/recipes"
	"seatrial/recipes/compose"
)

// greedy asks once for whatever the policy has a rule against.
const greedy = `
-- compose.yml --
version: "3.8"
services:
  app:
    image: app:1
    privileged: true
    pid: host
    devices: ["/dev/fuse:/dev/fuse"]
    cap_add: [NET_ADMIN]
    security_opt: ["apparmor=unconfined", "no-new-privileges:true"]
    sysctls: {net.core.somaxconn: 1024}
    cgroup_parent: /heavy
    credential_spec: {file: spec.json}
    networks: [host, proxy, shared, lan]
    logging: {driver: syslog}
    extra_hosts: ["db:10.0.0.7"]
    ports: ["8080:80"]
    volumes:
      - /etc/localtime:/etc/localtime:ro
      - /var/run/docker.sock:/var/run/docker.sock
      - data:/data
      - shared:/shared
    secrets: [shared]
    configs: [shared]
    deploy:
      replicas: 500
      labels:
        - traefik.http.routers.app.rule=Host("${DOMAIN}")
        - traefik.http.routers.app.service=api@internal
        - com.docker.stack.namespace=another
      placement:
        constraints: ["node.hostname == deep", "node.role == manager"]
networks:
  host: {external: true}
  proxy: {external: true}
  shared: {external: true}
  lan: {driver: macvlan}
volumes:
  data: {driver_opts: {type: nfs, o: addr=10.0.0.7, device: ":/srv"}}
  shared: {external: true}
secrets:
  shared: {external: true}
  kept: {driver: vault}
configs:
  shared: {external: true}
`

// The page gives each rule its reason, and an entry for allow that the policy takes.
func TestThePolicyPageIsTrue(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "reference", "policy.md"))
	if err != nil {
		t.Fatal(err)
	}
	reasons, entries := map[string]string{}, []string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| (.+) \\| `(.+)` \\|$").FindAllStringSubmatch(string(page), -1) {
		reasons[m[1]] = m[2]
		entries = append(entries, m[3])
	}
	if !maps.Equal(reasons, recipes.PolicyRules) {
		t.Errorf("docs/reference/policy.md explains\n%q\nand the rules are\n%q", reasons, recipes.PolicyRules)
	}

	recipe, err := compose.Read(t.Context(), folder(t, txtar.Parse([]byte(greedy))), options)
	if err != nil {
		t.Fatal(err)
	}
	var refused []string
	for _, d := range recipe.Policy(nil) {
		entry := d.Rule + ": " + d.What
		refused = append(refused, entry)
		if d.Place.File != "compose.yml" || d.Place.Line < 2 || !strings.Contains(d.Text, `"`+entry+`"`) {
			t.Errorf("the refusal of %s does not say where it is, or how it is allowed: %+v", entry, d)
		}
	}
	slices.Sort(refused)
	if want := slices.Sorted(slices.Values(entries)); !slices.Equal(refused, want) {
		t.Errorf("the policy refuses\n%q\nand the page's entries are\n%q", refused, want)
	}
	for i, entry := range entries {
		others := slices.Delete(slices.Clone(entries), i, i+1)
		if left := recipe.Policy(others); len(left) != 1 || left[0].Rule+": "+left[0].What != entry {
			t.Errorf("with all but %s allowed, the policy refuses %v", entry, left)
		}
	}
	if left := recipe.Policy(entries); len(left) > 0 {
		t.Errorf("with all of it allowed, the policy still refuses %v", left)
	}
}
