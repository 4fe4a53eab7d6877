package nomadfake

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"
)

func jobRoutes() []route {
	return []route{
		{pattern: "GET /v1/jobs", answer: (*Fake).listJobs},
		{pattern: "PUT /v1/jobs", answer: (*Fake).register},
		{pattern: "POST /v1/jobs", answer: (*Fake).register},
		{pattern: "GET /v1/job/{job}", answer: (*Fake).job},
		{pattern: "PUT /v1/job/{job}", answer: (*Fake).register},
		{pattern: "POST /v1/job/{job}", answer: (*Fake).register},
		{pattern: "DELETE /v1/job/{job}", answer: (*Fake).deregister},
		{pattern: "PUT /v1/job/{job}/dispatch", answer: (*Fake).dispatch},
		{pattern: "POST /v1/job/{job}/dispatch", answer: (*Fake).dispatch},
		{pattern: "GET /v1/job/{job}/allocations", answer: (*Fake).allocationsOfJob},
		{pattern: "GET /v1/job/{job}/evaluations", answer: (*Fake).evaluationsOfJob},
	}
}

// Some words of Nomad's.
const (
	jobPending = "pending"
	jobRunning = "running"
	jobDead    = "dead"
)

func (f *Fake) listJobs(q *ask) (any, error) {
	if err := q.may("list-jobs"); err != nil {
		return nil, err
	}
	stubs := []*api.JobListStub{}
	for key, j := range f.jobs {
		if (q.namespace == key.namespace || q.namespace == everywhere && q.token.may(key.namespace, "list-jobs")) && strings.HasPrefix(key.name, q.param("prefix")) {
			stubs = append(stubs, f.stub(j, q.flag("meta")))
		}
	}
	slices.SortFunc(stubs, func(a, b *api.JobListStub) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.ID, b.ID))
	})
	return filtered(f, q, stubs)
}

func (f *Fake) stub(j *api.Job, meta bool) *api.JobListStub {
	stub := &api.JobListStub{
		ID: *j.ID, ParentID: value(j.ParentID), Name: value(j.Name), Namespace: value(j.Namespace), Datacenters: j.Datacenters, Type: value(j.Type),
		Priority: value(j.Priority), Periodic: j.Periodic != nil, ParameterizedJob: parameterized(j), Stop: value(j.Stop), Status: f.status(j),
		CreateIndex: value(j.CreateIndex), ModifyIndex: value(j.ModifyIndex), JobModifyIndex: value(j.JobModifyIndex), SubmitTime: value(j.SubmitTime),
	}
	if meta {
		stub.Meta = j.Meta
	}
	return stub
}

// parameterized says whether a job is a template; its children are not.
func parameterized(j *api.Job) bool { return j.ParameterizedJob != nil && !j.Dispatched }

// status is what the cluster says of a job: structs.Job and getJobStatus in Nomad.
func (f *Fake) status(j *api.Job) string {
	if parameterized(j) {
		if value(j.Stop) {
			return jobDead
		}
		return jobRunning
	}
	for _, a := range f.allocsOf(keyOf(j)) {
		if !a.terminal() {
			return jobRunning
		}
	}
	for _, e := range f.evalsOf(keyOf(j)) {
		if e.Status == evalPending || e.Status == evalBlocked {
			return jobPending
		}
	}
	return jobDead
}

func keyOf(j *api.Job) id { return id{*j.Namespace, *j.ID} }

func (f *Fake) job(q *ask) (any, error) {
	if err := q.may("read-job"); err != nil {
		return nil, err
	}
	j := f.jobs[id{q.namespace, q.PathValue("job")}]
	if j == nil {
		return nil, refuse(http.StatusNotFound, "job not found")
	}
	j.Status = ptr(f.status(j))
	return j, nil
}

func (f *Fake) register(q *ask) (any, error) {
	var asked api.JobRegisterRequest
	if err := q.body(&asked); err != nil {
		return nil, err
	}
	j := asked.Job
	if j == nil || value(j.ID) == "" {
		return nil, refuse(http.StatusBadRequest, "Job must be specified")
	}
	if name := q.PathValue("job"); name != "" && name != *j.ID {
		return nil, refuse(http.StatusBadRequest, "Job ID does not match name")
	}
	if q.param("namespace") != "" {
		j.Namespace = &q.namespace
	}
	j.Canonicalize()
	if err := q.mayIn(*j.Namespace, "submit-job"); err != nil {
		return nil, err
	}
	if f.namespaces[*j.Namespace] == nil {
		return nil, fault("job %q is in nonexistent namespace %q", *j.ID, *j.Namespace)
	}
	f.scold(j)
	e := f.add(j)
	answer := api.JobRegisterResponse{JobModifyIndex: *j.JobModifyIndex}
	if e != nil {
		answer.EvalID, answer.EvalCreateIndex = e.ID, e.CreateIndex
	}
	return answer, nil
}

// add makes a job known, and places it where it is no template.
func (f *Fake) add(j *api.Job) *api.Evaluation {
	index := f.next()
	j.CreateIndex, j.ModifyIndex, j.JobModifyIndex = ptr(index), ptr(index), ptr(index)
	j.SubmitTime, j.Stop, j.Version = ptr(time.Now().UnixNano()), ptr(false), ptr(uint64(0))
	if before := f.jobs[keyOf(j)]; before != nil {
		j.CreateIndex, j.Version = before.CreateIndex, ptr(*before.Version+1)
	}
	f.jobs[keyOf(j)] = j
	if parameterized(j) {
		f.tell("JobRegistered", j)
		return nil
	}
	e := f.newEval(j, triggerRegister)
	j.Status = ptr(jobPending)
	f.tell("JobRegistered", j, e)
	f.place(j, e)
	return e
}

func (f *Fake) deregister(q *ask) (any, error) {
	caps := []string{"submit-job", "purge-job"}
	if !q.flag("purge") {
		caps = append(caps, "deregister-job")
	}
	if err := q.may(caps...); err != nil {
		return nil, err
	}
	key := id{q.namespace, q.PathValue("job")}
	j := f.jobs[key]
	if j == nil {
		return api.JobDeregisterResponse{}, nil
	}
	answer := api.JobDeregisterResponse{JobModifyIndex: f.next()}
	j.Stop, j.ModifyIndex, j.JobModifyIndex = ptr(true), ptr(f.index), ptr(f.index)
	if q.flag("purge") {
		delete(f.jobs, key)
	}
	if parameterized(j) {
		f.tell("JobDeregistered", j)
		return answer, nil
	}
	e := f.newEval(j, triggerDeregister)
	answer.EvalID, answer.EvalCreateIndex = e.ID, e.CreateIndex
	f.tell("JobDeregistered", j, e)
	f.cancelBlocked(key)
	for _, a := range f.allocsOf(key) {
		f.stopAlloc(a, "alloc not needed due to job update", e)
	}
	f.complete(e)
	return answer, nil
}

// clone copies what JSON can hold.
func clone[T any](v T) (copied T) {
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &copied)
	}
	if err != nil {
		panic(err) // the API's own types can be written
	}
	return copied
}

func ptr[T any](v T) *T { return &v }

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
