// Package joblog lets people and programs follow what a run writes, while it writes it:
// on this machine, or as an attempt's job on a cluster.
//
// It passes bytes on as plain text and keeps none: what is in them is a stranger's, so
// a browser is told to run nothing of it. It follows attempts at runs that the journal
// knows, never another job of the cluster's, and a bounded number at once. A log that
// ends early because something broke never looks like one that is complete.
package joblog

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"seatrial/harness/cluster"
	"seatrial/harness/journal"
	"seatrial/harness/run"
	"seatrial/internal/httpserver"
)

const (
	// maxFollowers bounds how many logs are passed on at once: each holds a connection
	// of the reader's and one to the cluster.
	maxFollowers = 64
	// retryAfter is what one too many is told to wait, in seconds.
	retryAfter = "10"
	// writeLimit is how long a reader may take to accept what is sent.
	writeLimit = 30 * time.Second
	// knowLimit bounds the look into the journal.
	knowLimit = 5 * time.Second
)

// Source writes a stream of a job's executor, "stdout" or "stderr", to w, in order and
// from one goroutine at a time. With follow it goes on until the allocation has ended;
// without, it returns when it has written what is there. It ends with the context, and
// when a write fails. Its errors may mean those of harness/cluster.
type Source func(ctx context.Context, jobID, stream string, follow bool, w io.Writer) error

// Journal knows runs.
type Journal interface {
	Report(ctx context.Context, id run.ID) (run.Report, error)
}

// Service answers GET /build. Safe for concurrent use.
type Service struct {
	source    Source // nil: runs are performed on this machine
	open      Opener // nil: their logs cannot be had
	journal   Journal
	log       *slog.Logger
	followers chan struct{} // holds one for each log that is passed on
}

// New makes a service. Without a source the logs on this machine are followed; without
// either there are none.
func New(source Source, open Opener, j Journal, log *slog.Logger) *Service {
	return &Service{source, open, j, log, make(chan struct{}, maxFollowers)}
}

// logQuery is what a request asks for.
type logQuery struct {
	job    string // empty: of all of the run's attempts, one after the other
	run    run.ID
	stream string
	follow bool
}

// ServeHTTP answers ?job=ID&log=stdout|stderr, and &follow=false.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	safe(w.Header())
	asked, ok := read(w, r)
	if !ok || !s.can(w, asked) || !s.known(w, r, asked.run) {
		return
	}
	if r.Method == http.MethodHead {
		return // whether there is a log yet is known to those who read it
	}
	select {
	case s.followers <- struct{}{}:
		defer func() { <-s.followers }()
	default:
		w.Header().Set("Retry-After", retryAfter)
		refuse(w, http.StatusServiceUnavailable, "Too many logs are being followed right now. Ask again in a moment.")
		return
	}
	out := newWriter(w)
	ctx, cancel := httpserver.UntilEnd(r.Context())
	defer cancel()
	var err error
	if asked.job == "" {
		out.begin(asked.follow)
		err = s.whole(ctx, asked, out)
	} else {
		err = s.source(ctx, asked.job, asked.stream, asked.follow, out)
	}
	switch {
	case err == nil:
	case httpserver.Ending(ctx) && r.Context().Err() == nil:
		out.abort("\nseatrial: the server is ending, so the log breaks off here and is not complete. Ask for it again.\n")
	default:
		s.broken(out, r, asked, err)
	}
}

// can says whether there are such logs at all.
func (s *Service) can(w http.ResponseWriter, asked logQuery) bool {
	switch {
	case s.source != nil:
		return true
	case s.open == nil:
		refuse(w, http.StatusNotFound, "This server has no logs to follow.")
	case asked.job != "":
		refuse(w, http.StatusNotFound, "This server performs runs on its own machine, and knows no job of Nomad's: write the run's ID as job.")
	case asked.stream == "stderr":
		refuse(w, http.StatusNotFound, "A run on this server's own machine writes both to one stream: ask for log=stdout.")
	default:
		return true
	}
	return false
}

// read understands a request, or refuses it.
func read(w http.ResponseWriter, r *http.Request) (asked logQuery, ok bool) {
	query := r.URL.Query()
	asked = logQuery{job: query.Get("job"), stream: query.Get("log"), follow: true}
	if _, id, _, ok := cluster.ParseChild(asked.job); ok {
		asked.run = id
	} else if id, err := run.ParseID(asked.job); err == nil {
		asked.run, asked.job = id, ""
	} else {
		refuse(w, http.StatusBadRequest, "job must be the ID of a run or, on a cluster, of a job that is an attempt at one, such as seatrial-run/dispatch-01k…-1-1795620079-9f82d137, URL-encoded. A run's page has both.")
		return asked, false
	}
	if asked.stream != "stdout" && asked.stream != "stderr" {
		refuse(w, http.StatusBadRequest, "log must be stdout or stderr.")
		return asked, false
	}
	if query.Has("follow") {
		follow, err := strconv.ParseBool(query.Get("follow"))
		if err != nil {
			refuse(w, http.StatusBadRequest, "follow must be true or false.")
			return asked, false
		}
		asked.follow = follow
	}
	return asked, true
}

// known says whether the journal holds the run: what else is on the cluster is not
// this dashboard's to show.
func (s *Service) known(w http.ResponseWriter, r *http.Request, id run.ID) bool {
	ctx, cancel := context.WithTimeout(r.Context(), knowLimit)
	defer cancel()
	_, err := s.journal.Report(ctx, id)
	switch {
	case errors.Is(err, journal.ErrUnknownRun):
		refuse(w, http.StatusNotFound, "The journal holds no run "+string(id)+", of which this job would be an attempt.")
	case err != nil && r.Context().Err() == nil:
		s.log.Error("cannot find the run of a job", "run", id, "err", err)
		refuse(w, http.StatusInternalServerError, "The journal could not be read. Ask again in a moment. The reason is in the log of seatrial serve.")
	}
	return err == nil
}

// broken tells the reader that there is no log, or no more of it than it has got.
func (s *Service) broken(out *writer, r *http.Request, asked logQuery, err error) {
	if r.Context().Err() != nil || out.err != nil {
		return // the reader went away
	}
	s.log.Warn("cannot pass on the log of a job", "run", asked.run, "job", asked.job, "stream", asked.stream, "err", err)
	if out.begun {
		out.abort("\nseatrial: the log breaks off here and is not complete. Ask for it again.\n")
	}
	status, text := meaning(err)
	if status == http.StatusServiceUnavailable {
		out.w.Header().Set("Retry-After", retryAfter)
	}
	refuse(out.w, status, text+" The run's own log is at /runs/"+string(asked.run)+"/log")
}

// meaning is what an error means to a reader. Its text is for the operator's log.
func meaning(err error) (status int, text string) {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return http.StatusNotFound, "The log's file cannot be opened: it may have been removed after its time."
	case cluster.Is(err, cluster.ErrNotFound):
		return http.StatusNotFound, "Nomad has no such log: the job has not begun, or it was forgotten, which happens some hours after its end."
	case cluster.Is(err, cluster.ErrUnreachable), cluster.Is(err, cluster.ErrNoLeader):
		return http.StatusServiceUnavailable, "Nomad does not answer right now. Ask again in a moment."
	case cluster.Is(err, cluster.ErrForbidden), cluster.Is(err, cluster.ErrBadToken):
		return http.StatusBadGateway, "Nomad does not let this server read logs. For the operator: seatrial nomad doctor says what is missing."
	}
	return http.StatusBadGateway, "The log could not be had from Nomad. The reason is in the log of seatrial serve."
}

func safe(h http.Header) {
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Referrer-Policy", "same-origin")
}

func refuse(w http.ResponseWriter, status int, text string) {
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // the reader went away: nothing to be done
}
