package recipes

// Title is what a step is called: by its name or, without one, by what it does.
func (s Step) Title() string {
	switch {
	case s.Name != "":
		return s.Name
	case s.Request != nil:
		return s.Request.method() + " " + s.Request.Path
	case !s.Exec.IsZero():
		return s.Exec.String()
	}
	return ""
}

// Reads says whether the step only looks, as far as can be seen: a command may do anything.
func (s Step) Reads() bool {
	if s.Request == nil {
		return !s.Exec.IsZero()
	}
	m := s.Request.method()
	return m == "GET" || m == "HEAD"
}

func (q Request) method() string {
	switch {
	case q.Method != "":
		return q.Method
	case q.Body != "" || q.JSON != nil || len(q.Form) > 0:
		return "POST"
	}
	return "GET"
}
