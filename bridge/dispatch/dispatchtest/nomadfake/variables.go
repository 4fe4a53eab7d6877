package nomadfake

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"
)

func variableRoutes() []route {
	return []route{
		{pattern: "GET /v1/vars", answer: (*Fake).listVariables},
		{pattern: "GET /v1/var/{path...}", answer: (*Fake).variable},
		{pattern: "PUT /v1/var/{path...}", answer: (*Fake).setVariable},
		{pattern: "POST /v1/var/{path...}", answer: (*Fake).setVariable},
		{pattern: "DELETE /v1/var/{path...}", answer: (*Fake).deleteVariable},
	}
}

func (f *Fake) listVariables(q *ask) (any, error) {
	all := []*api.VariableMetadata{}
	if q.may("variables:list", "variables:read", "variables:write", "variables:destroy") == nil {
		for key, v := range f.variables {
			if (q.namespace == everywhere || q.namespace == key.namespace) && strings.HasPrefix(key.name, q.param("prefix")) {
				all = append(all, v.Metadata())
			}
		}
	}
	slices.SortFunc(all, func(a, b *api.VariableMetadata) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Path, b.Path))
	})
	return filtered(f, q, all)
}

func (f *Fake) variable(q *ask) (any, error) {
	if err := q.may("variables:read"); err != nil {
		return nil, err
	}
	v := f.variables[id{q.namespace, q.PathValue("path")}]
	if v == nil {
		return nil, refuse(http.StatusNotFound, "variable not found")
	}
	return v, nil
}

func (f *Fake) setVariable(q *ask) (any, error) {
	for _, lock := range []string{"lock-acquire", "lock-renew", "lock-release"} {
		if q.URL.Query().Has(lock) {
			f.complain("variables are not locked here: %s", lock)
			return nil, refuse(http.StatusBadRequest, "variables are not locked here")
		}
	}
	var v api.Variable
	if err := q.body(&v); err != nil {
		return nil, err
	}
	if len(v.Items) == 0 {
		return nil, refuse(http.StatusBadRequest, "variable missing required Items object")
	}
	key := id{q.namespace, q.PathValue("path")}
	if err := q.may("variables:write"); err != nil {
		return nil, err
	}
	if f.namespaces[key.namespace] == nil {
		return nil, fault("requested namespace is unknown: %s", key.namespace)
	}
	before, other, err := f.swaps(q, key)
	if err != nil || other != nil {
		return other, err
	}
	now := time.Now().UnixNano()
	v.Namespace, v.Path, v.CreateTime, v.ModifyTime = key.namespace, key.name, now, now
	v.CreateIndex = f.next()
	v.ModifyIndex = v.CreateIndex
	if before != nil {
		v.CreateIndex, v.CreateTime = before.CreateIndex, before.CreateTime
	}
	f.variables[key] = &v
	return &v, nil
}

func (f *Fake) deleteVariable(q *ask) (any, error) {
	if err := q.may("variables:destroy"); err != nil {
		return nil, err
	}
	key := id{q.namespace, q.PathValue("path")}
	_, other, err := f.swaps(q, key)
	if err != nil || other != nil {
		return other, err
	}
	delete(f.variables, key)
	f.next()
	q.w.Header().Set("X-Nomad-Index", strconv.FormatUint(f.index, 10))
	q.w.WriteHeader(http.StatusNoContent)
	return sent{}, nil
}

// swaps finds the variable that is there, and the conflict where the question expects
// another one. Index 0 expects none.
func (f *Fake) swaps(q *ask, key id) (before *api.Variable, other any, err error) {
	before = f.variables[key]
	text := q.param("cas")
	if text == "" {
		return before, nil, nil
	}
	expected, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return before, nil, refuse(http.StatusBadRequest, "can not parse cas: %v", err)
	}
	switch {
	case before == nil && expected != 0:
		return before, conflict{&api.Variable{Namespace: key.namespace, Path: key.name}}, nil
	case before != nil && before.ModifyIndex != expected:
		shown := before
		if q.may("variables:read") != nil {
			shown = &api.Variable{
				Namespace: before.Namespace, Path: before.Path, CreateIndex: before.CreateIndex, ModifyIndex: before.ModifyIndex,
				CreateTime: before.CreateTime, ModifyTime: before.ModifyTime,
			}
		}
		return before, conflict{shown}, nil
	}
	return before, nil, nil
}
