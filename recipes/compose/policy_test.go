package compose_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"seatrial/recipes"
	"seatrial/recipes/compose"
)

// small is a recipe to which a test adds lines: below the service, below its labels, and
// at the end of the file.
func small(service, label, end string) string {
	if label != "" {
		label = "        - " + label + "\n"
	}
	return `services:
  app:
    image: example/app:1
` + service + `    networks:
      - proxy
    volumes:
      - data:/data
    deploy:
      labels:
        - "traefik.enable=true"
` + label + `volumes:
  data:
networks:
  proxy:
    external: true
` + end
}

func read(t testing.TB, text string, o compose.Options) (*compose.Recipe, error) {
	t.Helper()
	return compose.Read(t.Context(), folder(t, &txtar.Archive{Files: []txtar.File{
		{Name: "compose.yml", Data: []byte(text)},
		{Name: "app.conf", Data: []byte("a file\n")},
	}}), o)
}

func TestPolicyRefusesWithFileAndLine(t *testing.T) {
	used := map[string]bool{}
	for _, c := range []struct {
		deny string // rule: what
		on   string // part of the line
		text string
	}{
		{"privileged: app", "privileged: true", small("    privileged: true\n", "", "")},
		{"host-namespace: app pid", "pid: host", small("    pid: host\n", "", "")},
		{"host-namespace: app ipc", "ipc: host", small("    ipc: host\n", "", "")},
		{"host-namespace: app userns_mode", "userns_mode", small("    userns_mode: host\n", "", "")},
		{"host-namespace: app cgroupns_mode", "cgroupns_mode", small("    cgroupns_mode: host\n", "", "")},
		{"host-namespace: app network_mode", "network_mode", small("    network_mode: service:db\n", "", "")},
		{"host-network: app", "network_mode", small("    network_mode: host\n", "", "")},
		{"host-network: more", "networks: [node]", strings.Replace(small("", "", "  node:\n    external: true\n    name: host\n"), "- \"traefik.enable=true\"\n", "- \"traefik.enable=true\"\n  more:\n    image: example/more:1\n    networks: [node]\n", 1)},
		{"device: /dev/kmsg:/dev/kmsg", "- /dev/kmsg", small("    devices:\n      - /dev/kmsg:/dev/kmsg\n", "", "")},
		{"capability: NET_ADMIN", "- NET_ADMIN", small("    cap_add:\n      - CHOWN_NOT\n      - NET_ADMIN\n", "", "")},
		{"security-option: apparmor:unconfined", "security_opt", small("    security_opt: [\"apparmor:unconfined\"]\n", "", "")},
		{"security-option: no-new-privileges:false", "security_opt", small("    security_opt: [\"no-new-privileges:false\"]\n", "", "")},
		{"sysctl: net.core.somaxconn", "somaxconn", small("    sysctls:\n      net.core.somaxconn: 1024\n", "", "")},
		{"cgroup-parent: /", "cgroup_parent", small("    cgroup_parent: /\n", "", "")},
		{"credential-spec: app", "credential_spec", small("    credential_spec:\n      file: my.json\n", "", "")},
		{"bind-mount: /etc/localtime", "- /etc/localtime", strings.Replace(small("    user: \"1\"\n", "", ""), "- data:/data\n", "- /etc/localtime:/etc/localtime:ro\n      - data:/data\n", 1)},
		{"bind-mount: ./html", "- ./html", strings.Replace(small("    user: \"1\"\n", "", ""), "- data:/data\n", "- ./html:/html\n", 1)},
		{"bind-mount: ../../etc", "- type: bind", strings.Replace(small("", "", ""), "- data:/data\n", "- type: bind\n        source: ../../etc\n        target: /html\n", 1)},
		{"bind-mount: /srv", "driver_opts:", strings.Replace(small("", "", ""), "volumes:\n  data:\n", "volumes:\n  data:\n    driver_opts:\n      type: none\n      o: bind\n      device: /srv\n", 1)},
		{"bind-mount: /srv", "driver_opts:", strings.Replace(small("", "", ""), "volumes:\n  data:\n", "volumes:\n  data:\n    driver: local\n    driver_opts: {o: \"ro,bind\", device: /srv}\n", 1)},
		{"docker-socket: /var/run/docker.sock", "- /var/run/docker.sock", strings.Replace(small("", "", ""), "- data:/data\n", "- /var/run/docker.sock:/var/run/docker.sock:ro\n", 1)},
		{"docker-socket: /", "- /:/host", strings.Replace(small("", "", ""), "- data:/data\n", "- /:/host\n", 1)},
		{"docker-socket: /run", "- /run:/host", strings.Replace(small("", "", ""), "- data:/data\n", "- /run:/host\n", 1)},
		{"docker-socket: /var/lib/docker/volumes", "driver_opts", strings.Replace(small("", "", ""), "volumes:\n  data:\n", "volumes:\n  data:\n    driver_opts: {type: none, device: /var/lib/docker/volumes}\n", 1)},
		{"volume-driver: data", "driver: rexray", strings.Replace(small("", "", ""), "volumes:\n  data:\n", "volumes:\n  data:\n    driver: rexray\n", 1)},
		{"volume-driver: data", "driver_opts", strings.Replace(small("", "", ""), "volumes:\n  data:\n", "volumes:\n  data:\n    driver_opts: {type: nfs, o: \"addr=10.0.0.1\", device: \":/\"}\n", 1)},
		{"volume-driver: data", "driver_opts", strings.Replace(small("", "", ""), "volumes:\n  data:\n", "volumes:\n  data:\n    driver_opts: {type: ext4, device: /dev/sda1}\n", 1)},
		{"network-driver: macvlan", "macvlan", small("", "", "  lan:\n    driver: macvlan\n")},
		{"object-driver: vault", "driver: vault", small("", "", "secrets:\n  key:\n    driver: vault\n")},
		{"logging-driver: syslog", "driver: syslog", small("    logging:\n      driver: syslog\n", "", "")},
		{"foreign-volume: other_data", "name: other", strings.Replace(small("", "", ""), "volumes:\n  data:\n", "volumes:\n  data:\n    name: other_data\n", 1)},
		{"foreign-volume: other_data", "external: true", strings.Replace(small("", "", ""), "volumes:\n  data:\n", "volumes:\n  data:\n    external: true\n    name: other_data\n", 1)},
		{"foreign-network: monitoring", "external: true", small("", "", "  monitoring:\n    external: true\n")},
		{"foreign-network: shared", "name: shared", small("", "", "  mine:\n    name: shared\n")},
		{"foreign-config: shared", "external: true", small("", "", "configs:\n  shared:\n    external: true\n")},
		{"foreign-config: shared", "name: shared", small("", "", "configs:\n  mine:\n    file: app.conf\n    name: shared\n")},
		{"foreign-secret: other_db_password_v1", "name: other_db", small("", "", "secrets:\n  db_password:\n    external: true\n    name: other_db_password_v1\n")},
		{"foreign-secret: wiki-a1b2c3db_password_v1", "name: ${STACK", small("", "", "secrets:\n  db_password:\n    name: ${STACK_NAME}db_password_v1\n    external: true\n")},
		{"foreign-route: Host(`bank.example`)", "bank.example", small("", `"traefik.http.routers.x.rule=Host(`+"`bank.example`"+`)"`, "")},
		{"foreign-route: udp x", "udp", small("", `"traefik.udp.routers.x.entrypoints=dns"`, "")},
		{"foreign-route: api@internal", "api@internal", small("", `"traefik.http.routers.x.service=api@internal"`, "")},
		{"reserved-label: com.docker.stack.namespace", "com.docker", small("", `"com.docker.stack.namespace=other"`, "")},
		{"reserved-label: seatrial.run", "seatrial.run", strings.Replace(small("", "", ""), "volumes:\n  data:\n", "volumes:\n  data:\n    labels:\n      seatrial.run: other\n", 1)},
		{"extra-host: db:host-gateway", "db:host-gateway", small("    extra_hosts:\n      - \"db:host-gateway\"\n", "", "")},
		{"published-port: 25/tcp", "- target: 80", small("    ports:\n      - target: 80\n        published: 25\n", "", "")},
		{"published-port: 53/udp", "53:53", small("    ports:\n      - \"25:25\"\n      - \"127.0.0.1:53:53/udp\"\n", "", "")},
		{"published-port: 0/tcp", "- \"80\"", small("    ports:\n      - \"80\"\n", "", "")},
		{"other-node: node.hostname == db1", "- node.hostname", small("", "", "") + ""},
		{"replicas: app", "replicas: 500", strings.Replace(small("", "", ""), "    deploy:\n", "    deploy:\n      replicas: 500\n", 1)},
	} {
		rule, _, _ := strings.Cut(c.deny, ": ")
		used[rule] = true
		t.Run(c.deny, func(t *testing.T) {
			if rule == "other-node" {
				c.text = strings.Replace(c.text, "    deploy:\n", "    deploy:\n      placement:\n        constraints:\n          - node.hostname == db1\n", 1)
			}
			r, err := read(t, c.text, options)
			if err != nil {
				t.Fatal(err)
			}
			denied := r.Policy(nil)
			i := slices.IndexFunc(denied, func(d compose.Denied) bool { return d.Rule+": "+d.What == c.deny })
			if i < 0 {
				t.Fatalf("it is not refused; what is refused: %+v\n%s", denied, c.text)
			}
			d := denied[i]
			if d.Place.File != "compose.yml" || !strings.Contains(lineAt(c.text, d.Place.Line), c.on) {
				t.Errorf("it is refused at %s, %q, want the line with %q", d.Place, lineAt(c.text, d.Place.Line), c.on)
			}
			if !strings.Contains(d.Text, fmt.Sprintf("adds %q to allow", c.deny)) {
				t.Errorf("the text does not say what the operator could do: %s", d.Text)
			}
			if err := recipes.CheckAllow(c.deny); err != nil {
				t.Errorf("what the text recommends is refused in an enrolment: %v", err)
			}
			for _, d := range r.Policy([]string{c.deny}) {
				if d.Rule+": "+d.What == c.deny {
					t.Errorf("it is refused although the enrolment allows it: %s", d.Text)
				}
			}
		})
	}
	for rule := range recipes.PolicyRules {
		if !used[rule] {
			t.Errorf("the rule %s is not tested", rule)
		}
	}
}

func lineAt(text string, n int) string {
	lines := strings.Split(text, "\n")
	if n < 1 || n > len(lines) {
		return "no such line"
	}
	return lines[n-1]
}

func TestPolicyLetsOrdinaryRecipesPass(t *testing.T) {
	for _, name := range []string{"wiki.txtar", "forum.txtar", "notes.txtar"} {
		o := options
		r, err := compose.Read(t.Context(), golden(t, name), o)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range r.Policy(nil) {
			t.Errorf("%s: %s: %s", name, d.Place, d.Text)
		}
	}
}

func TestRoutesAreConfined(t *testing.T) {
	for _, c := range []struct {
		rule string
		ok   bool
	}{
		{"Host(`wiki-a1b2c3.test`)", true},
		{"Host(`wiki-a1b2c3.test`,`www.wiki-a1b2c3.test`)", true},
		{"Host(\\\"WIKI-a1b2c3.test\\\") && PathPrefix(`/api`)", true},
		{"Host(`wiki-a1b2c3.test`) && (PathPrefix(`/a`) || PathPrefix(`/b`))", true},
		{"(Host(`wiki-a1b2c3.test`) || Host(`www.wiki-a1b2c3.test`)) && !PathPrefix(`/a`)", true},
		{"Host(`wiki-a1b2c3.test`, `bank.example`)", false},
		{"Host(`wiki-a1b2c3.test`) || PathPrefix(`/`)", false},
		{"PathPrefix(`/`)", false},
		{"!Host(`wiki-a1b2c3.test`)", false},
		{"HostRegexp(`.*`)", false},
		{"HostSNI(`*`)", false},
		{"Host(`evilwiki-a1b2c3.test`)", false},
		{"Host()", false},
		{"Host(`wiki-a1b2c3.test`", false},
		{"Host(`wiki-a1b2c3.test`) Host(`bank.example`)", false},
		{strings.Repeat("(", 5000) + "Host(`wiki-a1b2c3.test`)", false},
	} {
		r, err := read(t, small("", `"traefik.http.routers.x.rule=`+c.rule+`"`, ""), options)
		if err != nil {
			t.Fatal(err)
		}
		if denied := r.Policy(nil); (len(denied) == 0) != c.ok {
			t.Errorf("%.80s: confined is %v, want %v", c.rule, !c.ok, c.ok)
		}
	}
}

func TestCheckAllow(t *testing.T) {
	for entry, says := range map[string]string{
		"bind-mount: /etc/localtime":            "",
		"foreign-route: HostSNI(`*`)":           "",
		"bind-mount:/etc/localtime":             "<rule>: <what>",
		"bind-mount":                            "<rule>: <what>",
		"bind-mount: ":                          "<rule>: <what>",
		": /etc":                                "<rule>: <what>",
		"bindmount: /etc":                       "did you mean bind-mount?",
		"everything: *":                         "there are bind-mount, ",
		"docker-socket: /var/run/docker.sock\n": "<rule>: <what>",
	} {
		err := recipes.CheckAllow(entry)
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("CheckAllow(%q) is %v, want %q", entry, err, says)
		}
	}
}
