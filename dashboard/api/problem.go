package api

import (
	"net/http"

	"seatrial/dashboard/page"
	"seatrial/internal/respond"
)

// problem answers with a problem.
func problem(w http.ResponseWriter, r *http.Request, status int, detail string) {
	head(w.Header(), respond.ProblemType)
	page.Send(w, r, status, respond.Problem{Status: status, Detail: detail}.Encode())
}

// broken answers when the journal could not be read: our fault, and logged.
func (s *Service) broken(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // the reader went away
	}
	s.Log.Error("cannot answer a program", "path", r.URL.Path, "err", err)
	problem(w, r, http.StatusInternalServerError, "The journal could not be read. Runs go on and nothing is lost: ask again in a moment. The reason is in the log of seatrial serve.")
}

// nowhere answers for every other path and method below /api/.
func (s *Service) nowhere(mux *http.ServeMux) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		get := r.Clone(r.Context())
		get.Method = http.MethodGet
		if _, pattern := mux.Handler(get); pattern != "/api/" {
			w.Header().Set("Allow", "GET, HEAD")
			problem(w, r, http.StatusMethodNotAllowed, "This address is only for reading: ask with GET.")
			return
		}
		problem(w, r, http.StatusNotFound, "There is nothing at this address. There are /api/v1/allocation, /api/v1/allocation/ID and /api/v1/node.")
	}
}
