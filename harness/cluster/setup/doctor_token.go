package setup

import (
	"context"
	"path"
	"strings"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/cluster"
	"seatrial/internal/lazyregexp"
)

// need is one capability that the bridge uses, and a call that only who has it may
// make. The call is about a thing that does not exist, so it changes nothing.
type need struct {
	capability, where string
	probe             func(context.Context) error // nil: there is no such call, and the policy's text tells
}

// nonexistent is the name of things that do not exist.
const nonexistent = "seatrial-doctor"

func (d *doctor) needs() []need {
	runs, apps := d.options.Namespaces.Runs, d.options.Namespaces.Apps
	jobs, vars := d.client.Jobs(), d.client.Variables()
	list := func(namespace string) func(context.Context) error {
		return func(ctx context.Context) error { _, _, err := jobs.List(d.client.Query(ctx, namespace)); return err }
	}
	read := func(namespace string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, _, err := jobs.Info(nonexistent, d.client.Query(ctx, namespace))
			return err
		}
	}
	stop := func(namespace string, purge bool) func(context.Context) error {
		return func(ctx context.Context) error {
			_, _, err := jobs.Deregister(nonexistent, purge, d.client.Write(ctx, namespace))
			return err
		}
	}
	peek := func(path string) func(context.Context) error {
		return func(ctx context.Context) error { _, _, err := vars.Peek(path, d.client.Query(ctx, runs)); return err }
	}
	inRuns, inApps, leases, enrolments := "namespace "+runs, "namespace "+apps, "variables seatrial/leases/* of "+runs, "variables seatrial/recipes/* of "+runs
	return []need{
		{"list-jobs", inRuns, list(runs)},
		{"read-job", inRuns, read(runs)},
		{"dispatch-job", inRuns, func(ctx context.Context) error {
			_, _, err := jobs.Dispatch(nonexistent, nil, nil, "", d.client.Write(ctx, runs))
			return err
		}},
		{"read-logs", inRuns, nil},
		{"read-fs", inRuns, nil},
		{"alloc-lifecycle", inRuns, nil},
		{"deregister-job", inRuns, stop(runs, false)},
		{"read", leases, peek("seatrial/leases/" + nonexistent)},
		{"list", leases, nil},
		{"destroy", leases, func(ctx context.Context) error {
			const never = 1 // no variable has this index
			_, err := vars.CheckedDelete("seatrial/leases/"+nonexistent, never, d.client.Write(ctx, runs))
			return err
		}},
		{"read", enrolments, peek("seatrial/recipes/" + nonexistent)},
		{"list", enrolments, nil},
		{"list-jobs", inApps, list(apps)},
		{"read-job", inApps, read(apps)},
		{"deregister-job", inApps, stop(apps, false)},
		{"purge-job", inApps, stop(apps, true)},
		{"alloc-lifecycle", inApps, nil},
		{"host-volume-read", inApps, func(ctx context.Context) error {
			_, _, err := d.client.HostVolumes().Get(nonexistent, d.client.Query(ctx, apps))
			return err
		}},
		{"host-volume-delete", inApps, func(ctx context.Context) error {
			_, _, err := d.client.HostVolumes().Delete(&api.HostVolumeDeleteRequest{ID: nonexistent}, d.client.Write(ctx, apps))
			return err
		}},
		{`policy = "read"`, "node", func(ctx context.Context) error {
			_, _, err := d.client.Nodes().List(d.client.Query(ctx, ""))
			return err
		}},
	}
}

// capabilities asks for each thing that the bridge does.
func (d *doctor) capabilities(ctx context.Context) {
	if d.management() {
		return
	}
	rules, readable := d.rules(ctx)
	policy := d.options.policyName("bridge")
	missing := 0
	for _, n := range d.needs() {
		var allowed bool
		switch {
		case n.probe != nil:
			err := n.probe(ctx)
			allowed = !cluster.Is(err, cluster.ErrForbidden)
			if cluster.Is(err, cluster.ErrUnreachable) {
				d.trouble(n.capability+" in "+n.where, err)
				continue
			}
		case !readable:
			d.say(Doubt, "compare the token's policy with seatrial nomad setup --print", "whether the token has %s in %s could not be asked", n.capability, n.where)
			continue
		default:
			allowed = grants(rules, n)
		}
		if !allowed {
			missing++
			d.say(Wrong, "add it to the token's policy ("+policy+", if it is the bridge's), or let seatrial nomad setup --force write that anew", "the token lacks %s in %s", n.capability, n.where)
		}
	}
	if missing == 0 {
		d.fine("the token may do what the bridge does")
	}
}

// rules are the texts of the token's policies: everybody may read their own.
func (d *doctor) rules(ctx context.Context) (text string, ok bool) {
	stubs, _, err := d.client.ACLPolicies().List(d.client.Query(ctx, ""))
	if err != nil {
		return "", false
	}
	var all []string
	for _, stub := range stubs {
		policy, _, err := d.client.ACLPolicies().Info(stub.Name, d.client.Query(ctx, ""))
		if err != nil {
			return "", false
		}
		all = append(all, policy.Rules)
	}
	return strings.Join(all, "\n"), len(all) > 0
}

var (
	commentForm     = lazyregexp.New(`(?m)^\s*(#|//).*$`)
	namespaceBlock  = lazyregexp.New(`namespace\s+"([^"]*)"\s*\{`)
	writePolicyForm = lazyregexp.New(`policy\s*=\s*"write"`)
)

// grants looks for a capability in the text of policies, in the block that it is for.
// It is for what no harmless call can find out.
func grants(rules string, n need) bool {
	quoted := `"` + n.capability + `"`
	rules = commentForm.ReplaceAllString(rules, "")
	if namespace, ok := strings.CutPrefix(n.where, "namespace "); ok {
		text := blocksOf(rules, namespace)
		return strings.Contains(text, quoted) || writePolicyForm.MatchString(text)
	}
	variable, namespace, _ := strings.Cut(strings.TrimPrefix(n.where, "variables "), " of ")
	for _, block := range strings.Split(blocksOf(rules, namespace), "path ")[1:] {
		name, rest, _ := strings.Cut(block, "{")
		name = strings.Trim(strings.TrimSpace(name), `"`)
		body, _, _ := strings.Cut(rest, "}")
		if strings.HasSuffix(name, "*") && strings.HasPrefix(variable, strings.TrimSuffix(name, "*")) && strings.Contains(body, quoted) {
			return true
		}
	}
	return false
}

// blocksOf are the bodies of the blocks about a namespace.
func blocksOf(rules, namespace string) string {
	var found strings.Builder
	for _, at := range namespaceBlock.FindAllStringSubmatchIndex(rules, -1) {
		if ok, _ := path.Match(rules[at[2]:at[3]], namespace); !ok {
			continue
		}
		depth := 1
		for _, r := range rules[at[1]:] {
			switch r {
			case '{':
				depth++
			case '}':
				depth--
			}
			if depth == 0 {
				break
			}
			found.WriteRune(r)
		}
	}
	return found.String()
}
