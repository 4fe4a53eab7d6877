package nomadfake

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strconv"
	"time"

	"github.com/hashicorp/nomad/api"
)

const (
	frameSize = 64 << 10               // bytes of one frame at most
	frameBeat = time.Second            // between two frames without anything in them
	frameLook = 100 * time.Millisecond // between two looks at a file that has ended
)

// window is the part of a file that is asked for.
type window struct {
	path   string
	origin string
	offset int64
	follow bool
	plain  bool // bytes, not frames
}

func windowOf(q *ask, file string) (w window, err error) {
	w = window{path: file, origin: q.param("origin"), follow: q.flag("follow"), plain: q.flag("plain")}
	if text := q.param("offset"); text != "" {
		if w.offset, err = strconv.ParseInt(text, 10, 64); err != nil {
			return w, fault("error parsing offset: %v", err)
		}
	}
	switch w.origin {
	case "":
		w.origin = api.OriginStart
	case api.OriginStart, api.OriginEnd:
	default:
		return w, refuse(http.StatusBadRequest, "origin must be start or end")
	}
	return w, nil
}

func (f *Fake) streamFile(q *ask) (any, error) {
	a, file, err := f.file(q)
	if err != nil {
		return nil, err
	}
	w, err := windowOf(q, file)
	if err != nil {
		return nil, err
	}
	if q.param("follow") == "" {
		w.follow = true
	}
	return f.frames(q, a, w)
}

func (f *Fake) streamLog(q *ask) (any, error) {
	task, kind := q.param("task"), q.param("type")
	switch {
	case task == "":
		return nil, refuse(http.StatusBadRequest, "must provide task name")
	case kind != api.FSLogNameStdout && kind != api.FSLogNameStderr:
		return nil, refuse(http.StatusBadRequest, "must provide log type (stdout/stderr)")
	}
	a, err := f.onNode(q, "read-fs", "read-logs")
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	state := a.tasks[task]
	started := state != nil && !state.StartedAt.IsZero()
	f.mu.Unlock()
	switch {
	case state == nil:
		return nil, refuse(http.StatusBadRequest, "unknown task name %q", task)
	case !started:
		return nil, refuse(http.StatusNotFound, "task %q not started yet. No logs available", task)
	}
	w, err := windowOf(q, path.Join("alloc", "logs", task+"."+kind+".0"))
	if err != nil {
		return nil, err
	}
	return f.frames(q, a, w)
}

// frames writes a file, and, where it is followed, what is added to it, until the client
// goes, the file does, or its node.
func (f *Fake) frames(q *ask, a *allocation, w window) (any, error) {
	f.mu.Lock()
	cut := f.cut
	f.mu.Unlock()
	file, offset, err := f.open(a, w.path, w.origin, w.offset)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if !w.plain {
		q.w.Header().Set("Content-Type", "application/json")
	}
	out := http.NewResponseController(q.w)
	send := func(frame api.StreamFrame) bool {
		var err error
		if w.plain {
			_, err = q.w.Write(frame.Data)
		} else {
			err = json.NewEncoder(q.w).Encode(frame)
		}
		return err == nil && out.Flush() == nil
	}
	look, beat := time.NewTicker(frameLook), time.NewTicker(frameBeat)
	defer look.Stop()
	defer beat.Stop()
	if out.Flush() != nil {
		return sent{}, nil
	}
	data := make([]byte, frameSize)
	for {
		n, err := file.Read(data)
		if n > 0 {
			offset += int64(n) // it is where the frame ends, as with the real one
			if !send(api.StreamFrame{Offset: offset, File: w.path, Data: data[:n]}) {
				return sent{}, nil
			}
			continue
		}
		if err != nil && !errors.Is(err, io.EOF) || !w.follow {
			return sent{}, nil
		}
		if change := changed(file, offset); change != "" {
			send(api.StreamFrame{Offset: offset, File: w.path, FileEvent: change})
			return sent{}, nil
		}
		if _, err := f.onNode(q, "read-fs", "read-logs"); err != nil {
			return sent{}, nil
		}
		select {
		case <-look.C:
		case <-beat.C:
			if !w.plain && !send(api.StreamFrame{}) {
				return sent{}, nil
			}
		case <-q.Context().Done():
			return sent{}, nil
		case <-cut:
			return sent{}, nil
		case <-f.closed:
			return sent{}, nil
		}
	}
}

// changed says what happened to a file but growth.
func changed(file *os.File, offset int64) string {
	info, err := os.Stat(file.Name())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "file deleted"
	case err == nil && info.Size() < offset:
		return "file truncated"
	}
	return ""
}
