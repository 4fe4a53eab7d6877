package nomadfake

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"
)

// maxPayload is what Nomad takes, in bytes: DispatchPayloadSizeLimit.
const maxPayload = 16 << 10

func (f *Fake) dispatch(q *ask) (any, error) {
	var asked api.JobDispatchRequest
	if err := q.body(&asked); err != nil {
		return nil, err
	}
	if err := q.may("dispatch-job"); err != nil {
		return nil, err
	}
	for key := range asked.Meta {
		f.scoldSecret(key)
	}
	name := q.PathValue("job")
	parent := f.jobs[id{q.namespace, name}]
	switch {
	case parent == nil:
		return nil, fault("parameterized job not found")
	case !parameterized(parent):
		return nil, fault("Specified job %q is not a parameterized job", name)
	case value(parent.Stop):
		return nil, fault("Specified job %q is stopped", name)
	}
	if err := fits(asked, parent.ParameterizedJob); err != nil {
		return nil, err
	}
	token := q.param("idempotency_token")
	if token != "" {
		for _, j := range f.jobs {
			if value(j.ParentID) == name && *j.Namespace == q.namespace && value(j.DispatchIdempotencyToken) == token {
				return api.JobDispatchResponse{DispatchedJobID: *j.ID, JobCreateIndex: *j.CreateIndex}, nil
			}
		}
	}
	child := clone(parent)
	child.ID = ptr(childID(name, asked.IdPrefixTemplate))
	child.Name, child.ParentID, child.Dispatched = child.ID, &name, true
	child.DispatchIdempotencyToken, child.Payload = &token, asked.Payload
	if child.Meta == nil {
		child.Meta = map[string]string{}
	}
	for key, v := range asked.Meta {
		child.Meta[key] = v
	}
	f.scoldAgain(child)
	e := f.add(child)
	return api.JobDispatchResponse{DispatchedJobID: *child.ID, EvalID: e.ID, EvalCreateIndex: e.CreateIndex, JobCreateIndex: *child.CreateIndex}, nil
}

// childID is structs.DispatchedID.
func childID(parent, prefix string) string {
	if prefix != "" {
		prefix += "-"
	}
	return fmt.Sprintf("%s/dispatch-%s%d-%s", parent, prefix, time.Now().Unix(), newID()[:8])
}

// newID makes an ID as Nomad's are.
func newID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// fits says whether a job takes what a dispatch gives: validateDispatchRequest.
func fits(asked api.JobDispatchRequest, takes *api.ParameterizedJobConfig) error {
	switch size := len(asked.Payload); {
	case takes.Payload == "required" && size == 0:
		return fault("Payload is not provided but required by parameterized job")
	case takes.Payload == "forbidden" && size > 0:
		return fault("Payload provided but forbidden by parameterized job")
	case size > maxPayload:
		return fault("Payload exceeds maximum size; %d > %d", size, maxPayload)
	}
	var unknown, missing []string
	for key := range asked.Meta {
		if !slices.Contains(takes.MetaRequired, key) && !slices.Contains(takes.MetaOptional, key) {
			unknown = append(unknown, key)
		}
	}
	if len(unknown) > 0 {
		return fault("Dispatch request included unpermitted metadata keys: %v", unknown)
	}
	for _, key := range takes.MetaRequired {
		if _, there := asked.Meta[key]; !there {
			missing = append(missing, key)
		}
	}
	if len(missing) > 0 {
		return fault("Dispatch did not provide required meta keys: %v", missing)
	}
	return nil
}

// scold complains of what a job should not have in it.
func (f *Fake) scold(j *api.Job) {
	metas := []map[string]string{j.Meta}
	if j.ParameterizedJob != nil {
		for _, key := range slices.Concat(j.ParameterizedJob.MetaRequired, j.ParameterizedJob.MetaOptional) {
			f.scoldSecret(key)
		}
	}
	for _, group := range j.TaskGroups {
		metas = append(metas, group.Meta)
		for _, task := range group.Tasks {
			metas = append(metas, task.Meta)
			if task.Driver != "raw_exec" {
				f.complain("the task %s of the job %s wants the driver %s; there is only raw_exec", task.Name, *j.ID, task.Driver)
			}
		}
	}
	for _, meta := range metas {
		for key := range meta {
			f.scoldSecret(key)
		}
	}
}

func (f *Fake) scoldSecret(key string) {
	for _, word := range []string{"TOKEN", "PASSWORD", "SECRET"} {
		if strings.Contains(strings.ToUpper(key), word) {
			f.complain("the meta key %s looks like a secret: whoever may read the job may read it", key)
		}
	}
}

// scoldAgain complains of a child that Nomad would run again by itself.
func (f *Fake) scoldAgain(j *api.Job) {
	for _, group := range j.TaskGroups {
		restarts := group.RestartPolicy != nil && value(group.RestartPolicy.Attempts) > 0
		for _, task := range group.Tasks {
			restarts = restarts || task.RestartPolicy != nil && value(task.RestartPolicy.Attempts) > 0
		}
		if restarts {
			f.complain("the group %s of the dispatched job %s is restarted where it fails: the same run is performed twice", value(group.Name), *j.ParentID)
		}
		if again := group.ReschedulePolicy; again != nil && (value(again.Attempts) > 0 || value(again.Unlimited)) {
			f.complain("the group %s of the dispatched job %s is rescheduled where it fails: the same run is performed twice", value(group.Name), *j.ParentID)
		}
	}
}
