package forgetest

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
)

func (c *ghCall) check(r *repo) *check {
	id, _ := strconv.ParseInt(c.path("id"), 10, 64)
	for _, k := range r.checks {
		if k.id == id {
			return k
		}
	}
	c.notFound()
	return nil
}

func (c *ghCall) checkRun(r *repo, k *check) object {
	full := r.owner + "/" + r.name
	address := c.api("/repos/%s/check-runs/%d", full, k.id)
	out := object{
		"id": k.id, "node_id": nodeID("CheckRun", k.id), "name": k.name, "head_sha": k.commit, "external_id": k.external, "url": address,
		"html_url": c.s.URL() + "/" + full + "/runs/" + strconv.FormatInt(k.id, 10), "details_url": cmp.Or(k.details, c.s.URL()), "status": k.status,
		"conclusion": orNull(k.conclusion), "started_at": stamp(k.started), "completed_at": nil, "app": c.s.ghApp(k.app), "pull_requests": []object{},
		"check_suite": object{"id": k.app.id*1000 + r.id},
		"output": object{
			"title": nil, "summary": nil, "text": orNull(k.text), "annotations_count": len(k.annotations), "annotations_url": address + "/annotations",
		},
	}
	if !k.completed.IsZero() {
		out["completed_at"] = stamp(k.completed)
	}
	if k.hasOutput {
		o := out["output"].(object)
		o["title"], o["summary"] = k.title, k.summary
	}
	return out
}

// listCheckRuns gives a commit's check runs, the newest first: unless all are asked for,
// the latest of each name and App.
func listCheckRuns(c *ghCall, r *repo) {
	if c.by.grant != nil && !c.by.grant.allows(r, "checks", "read") {
		c.withheld()
		return
	}
	commit := cmp.Or(c.s.revision(r, c.path("commit")), c.path("commit"))
	name, status, appID, all := c.r.FormValue("check_name"), c.r.FormValue("status"), atoi(c.r.FormValue("app_id")), c.r.FormValue("filter") == "all"
	seen := map[string]bool{}
	found := []*check{}
	for _, k := range slices.Backward(r.checks) {
		key := strconv.FormatInt(k.app.id, 10) + " " + k.name
		if k.commit != commit || !all && seen[key] {
			continue
		}
		seen[key] = true
		if (name == "" || k.name == name) && (status == "" || k.status == status) && (appID == 0 || int64(appID) == k.app.id) {
			found = append(found, k)
		}
	}
	c.answer(http.StatusOK, object{"total_count": len(found), "check_runs": each(ghPage(c, found), func(k *check) object { return c.checkRun(r, k) })})
}

func getCheckRun(c *ghCall, r *repo) {
	if k := c.check(r); k != nil {
		c.answer(http.StatusOK, c.checkRun(r, k))
	}
}

func listAnnotations(c *ghCall, r *repo) {
	if k := c.check(r); k != nil {
		c.answer(http.StatusOK, ghPage(c, append([]annotation{}, k.annotations...)))
	}
}
