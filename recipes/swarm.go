package recipes

import (
	"fmt"
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
		if err := CheckAllow(exception); err != nil {
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

// DepVariable is the environment variable through which an app learns something of a
// dependency: its HOST, or its URL.
func DepVariable(dep, what string) string {
	return "DEP_" + strings.ToUpper(strings.ReplaceAll(dep, "-", "_")) + "_" + what
}
