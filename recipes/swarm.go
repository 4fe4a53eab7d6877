package recipes

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// swarm finds keys that the target swarm does not know, and those that it alone knows.
func (m *meaning) swarm(e Enrolment) {
	if e.Target != TargetSwarm {
		for _, key := range []string{"secrets", "deps", "allow"} {
			if m.set("/" + key) {
				m.say("/"+key, true, "%s is for the target swarm alone", key)
			}
		}
		return
	}
	foreign := []struct{ key, instead string }{
		{"volumes", "the recipe's compose files name the volumes"},
		{"build", "a recipe for the swarm names images, and nothing is built"},
	}
	for _, f := range foreign {
		if m.set("/" + f.key) {
			m.say("/"+f.key, true, "%s has no meaning with the target swarm: %s", f.key, f.instead)
		}
	}
	for i, exception := range e.Allow {
		if err := checkAllow(exception); err != nil {
			m.say(fmt.Sprintf("/allow/%d", i), false, "%v", err)
		}
	}
	for name, secret := range e.Secrets {
		if secret.Length != 0 && secret.Value != "" {
			m.say("/secrets/"+name+"/value", true, "a secret has a length or a value, not both")
		}
		if strings.ContainsRune(secret.Value, 0) {
			m.say("/secrets/"+name+"/value", false, "the value of %s contains a zero byte", name)
		}
	}
	variables := map[string]string{}
	for i, dep := range e.Deps {
		name := DepVariable(dep, "HOST")
		if other, twice := variables[name]; twice {
			m.say(fmt.Sprintf("/deps/%d", i), false, "the dependencies %s and %s would both be found through %s", other, dep, name)
		}
		variables[name] = dep
	}
}

// checkAllow says what is wrong with an exception from the policy.
func checkAllow(exception string) error {
	rule, what, ok := strings.Cut(exception, ": ")
	if !ok || rule == "" || strings.TrimSpace(what) == "" {
		return fmt.Errorf("%q is not an exception written <rule>: <what>", exception)
	}
	if _, known := PolicyRules[rule]; !known {
		names := slices.Sorted(maps.Keys(PolicyRules))
		if near := nearest(rule, names); near != "" {
			return fmt.Errorf("there is no rule %s; did you mean %s?", quoteOdd(rule), near)
		}
		return fmt.Errorf("there is no rule %s; there are %s", quoteOdd(rule), strings.Join(names, ", "))
	}
	return nil
}

// PolicyRules is what a Co-op Cloud recipe may not ask for unless its enrolment allows
// that very thing, each with the reason. docs/reference/policy.md is held against it.
var PolicyRules = map[string]string{
	"privileged":      "A privileged container is root on the machine.",
	"host-namespace":  "pid, ipc, userns_mode and network_mode let a container see what is not its own.",
	"host-network":    "A container in the machine's own network reaches whatever listens there.",
	"device":          "A device is the machine's, or another's.",
	"capability":      "An added capability is a part of root.",
	"security-option": "An option that loosens what keeps containers in.",
	"sysctl":          "A kernel setting.",
	"cgroup-parent":   "A container could escape the limits that were set for it.",
	"credential-spec": "Credentials of the machine.",
	"bind-mount":      "A folder of the machine, with whatever is in it.",
	"docker-socket":   "Whoever can speak to Docker is root on the machine.",
	"volume-driver":   "A volume that is not a plain one of the engine may be anything.",
	"foreign-volume":  "A volume that is not the stack's holds another's data, and outlives the run.",
	"foreign-network": "A network that is not the stack's lets apps find each other. The network proxy is for all.",
	"foreign-config":  "A config that is not the stack's is another's.",
	"foreign-secret":  "A secret that is not the stack's is another's.",
	"published-port":  "A port of the machine, which nobody else can have meanwhile.",
	"other-node":      "A place to run that is not this machine's.",
}

// DepVariable is the environment variable through which an app learns something of a
// dependency: its HOST, or its URL.
func DepVariable(dep, what string) string {
	return "DEP_" + strings.ToUpper(strings.ReplaceAll(dep, "-", "_")) + "_" + what
}
