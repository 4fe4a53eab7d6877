package nomad

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/nomad/api"

	"seatrial/bridge/dispatch"
	"seatrial/harness/cluster"
)

// meta is what a child is told: of what we have, what its parent declares.
//
// Nothing in it is secret, and nothing in it but JOB, which is packed, is text that
// the author of a pull request chose: BRANCH is the ref of the pull request, not the
// branch's name.
func (d *Dispatcher) meta(job dispatch.Job, declares *api.ParameterizedJobConfig) (map[string]string, error) {
	job.Instance = cluster.Instance(d.Instance)
	packed, err := cluster.Pack(job)
	if err != nil {
		return nil, err
	}
	r := job.Request
	if at, err := url.Parse(r.Code.URL); err == nil && at.User != nil {
		if _, secret := at.User.Password(); secret {
			return nil, fmt.Errorf("the address of %s has a password in it, which everybody could read on the cluster: give nodes the right to fetch in another way", r.Recipe)
		}
	}
	pull := ""
	if r.Code.Pull != 0 {
		pull = strconv.Itoa(r.Code.Pull)
	}
	trusted := "0"
	if r.Secrets {
		trusted = "1"
	}
	have := map[string]string{
		cluster.MetaRepoURL: r.Code.URL, cluster.MetaCommit: r.Code.Commit, cluster.MetaBranch: r.Code.Ref, cluster.MetaFlavor: cmp.Or(r.Flavor, job.Enrolment.Flavor),
		cluster.MetaRunID: string(r.ID), cluster.MetaAttempt: strconv.Itoa(job.Attempt), cluster.MetaRecipe: r.Recipe, cluster.MetaRef: r.Code.Ref,
		cluster.MetaPull: pull, cluster.MetaSource: r.Code.Repo, cluster.MetaDomain: d.Domain, cluster.MetaPublicURL: d.PublicURL,
		cluster.MetaInstance: job.Instance, cluster.MetaExpires: job.Lease.Expires.UTC().Format(time.RFC3339), cluster.MetaJob: packed,
		cluster.MetaTrusted: trusted,
	}
	sent, size := map[string]string{}, 0
	for key, value := range have {
		if !slices.Contains(declares.MetaRequired, key) && !slices.Contains(declares.MetaOptional, key) {
			continue
		}
		if why := unfit(value); why != "" {
			return nil, fmt.Errorf("the job cannot be told its %s: %q has %s, which Nomad or a shell could take for an instruction", key, value, why)
		}
		sent[key] = value
		size += len(key) + len(value)
	}
	if size > cluster.MaxMeta {
		return nil, fmt.Errorf("the job is too large for a dispatch: %d bytes, and at most %d fit; shorten the enrolment of %s", size, cluster.MaxMeta, r.Recipe)
	}
	return sent, nil
}

// unfit says what a value has in it that must not be in a plain one.
func unfit(value string) string {
	switch {
	case !utf8.ValidString(value):
		return "bytes that are no text"
	case strings.ContainsFunc(value, unicode.IsControl):
		return "control characters"
	case strings.Contains(value, "${"):
		return "${"
	case strings.Contains(value, "{{"):
		return "{{"
	}
	return ""
}
