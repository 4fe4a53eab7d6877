package recipes

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// PolicyRules is what a Co-op Cloud recipe may not ask for unless its enrolment allows
// that very thing, each with the reason. docs/reference/policy.md is held against it.
var PolicyRules = map[string]string{
	"privileged":      "A privileged container is root on the machine.",
	"host-namespace":  "In a namespace of the machine a container sees, and can stop, what is not its own.",
	"host-network":    "A container in the machine's own network reaches whatever listens there.",
	"device":          "A device is the machine's, or another's.",
	"capability":      "An added capability is a part of root.",
	"security-option": "An option that loosens what keeps containers in.",
	"sysctl":          "A kernel setting.",
	"cgroup-parent":   "A container could escape the limits that were set for it.",
	"credential-spec": "Credentials of the machine.",
	"bind-mount":      "A folder of the machine, with whatever is in it.",
	"docker-socket":   "Whoever can speak to Docker is root on the machine.",
	"volume-driver":   "A volume that is not a plain one of the engine may be anything: a disk, another machine's folder.",
	"network-driver":  "A network that is not an overlay is the machine's own, or a program's of which nothing is known.",
	"object-driver":   "A driver for configs or secrets is a program of the machine.",
	"logging-driver":  "The engine itself would send the logs somewhere, and they could not be read here.",
	"foreign-volume":  "A volume that is not the stack's holds another's data, and outlives the run.",
	"foreign-network": "In a network that is not the stack's, apps find each other. The network proxy is for all.",
	"foreign-config":  "A config that is not the stack's is another's.",
	"foreign-secret":  "A secret that is not the stack's is another's.",
	"foreign-route":   "A route for more than the app's own host name takes what was meant for others.",
	"reserved-label":  "Such labels tell whose a thing is, and when it may be removed.",
	"extra-host":      "A name in /etc/hosts can lead to the machine, or hide another.",
	"published-port":  "A port of the machine, which nobody else can have meanwhile.",
	"other-node":      "The app runs where its tests do.",
	"replicas":        "Too many containers of one service leave the machine no room for anything else.",
}

// CheckAllow says what is wrong with an exception from the policy, which is written
// "<rule>: <what>".
func CheckAllow(exception string) error {
	rule, what, ok := strings.Cut(exception, ": ")
	if !ok || rule == "" || what == "" || what != strings.TrimSpace(what) {
		return fmt.Errorf("%q is not an exception, which is written <rule>: <what>, like bind-mount: /etc/localtime", exception)
	}
	if _, known := PolicyRules[rule]; known {
		return nil
	}
	names := slices.Sorted(maps.Keys(PolicyRules))
	if near := nearest(rule, names); near != "" {
		return fmt.Errorf("there is no rule %s; did you mean %s?", quoteOdd(rule), near)
	}
	return fmt.Errorf("there is no rule %s; there are %s", quoteOdd(rule), strings.Join(names, ", "))
}
