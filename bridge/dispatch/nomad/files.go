package nomad

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/cluster"
)

// The file API is asked through the server that we were told, which reaches the node by
// itself: the nodes' own addresses need not be reachable from here, and each question is
// one request.

// streamQuiet is how long a stream may be without a heartbeat. Nodes send one each second
// beside a file, servers one each ten seconds beside the cluster's events.
const streamQuiet = 30 * time.Second

// errHangs says that a stream was given up.
var errHangs = fmt.Errorf("nothing was heard for %s", streamQuiet)

// because says that it was given up where an error came of that.
func because(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errHangs) {
		return errHangs
	}
	return err
}

// errNoFile says that the allocation has no such file, yet or any more.
var errNoFile = errors.New("no such file")

// errNoFiles says that the node has nothing of the allocation any more.
var errNoFiles = errors.New("the allocation's files are gone")

func (d *Dispatcher) fileRequest(ctx context.Context, verb, alloc string, params map[string]string) (io.ReadCloser, error) {
	values := url.Values{}
	for name, value := range params {
		values.Set(name, value)
	}
	body, err := d.Client.Raw().Response("/v1/client/fs/"+verb+"/"+alloc+"?"+values.Encode(), d.query(ctx))
	return body, fileError(err)
}

// fileError tells what is not there from what cannot be asked.
func fileError(err error) error {
	var answer api.UnexpectedResponseError
	if err == nil || !errors.As(err, &answer) || !answer.HasStatusCode() {
		return err
	}
	body := answer.Body()
	switch {
	case strings.Contains(body, "No path to node"), strings.Contains(body, "Unknown node"):
		return err
	case strings.Contains(body, "no such file or directory"):
		return fmt.Errorf("%w: %v", errNoFile, err)
	case answer.StatusCode() == http.StatusNotFound, strings.Contains(body, "Unknown allocation"), strings.Contains(body, "not found on client"):
		return fmt.Errorf("%w: %v", errNoFiles, err)
	}
	return err
}

// list lists the files of an allocation's folder.
func (d *Dispatcher) list(ctx context.Context, alloc, path string) ([]*api.AllocFileInfo, error) {
	body, err := d.fileRequest(ctx, "ls", alloc, map[string]string{"path": path})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	var files []*api.AllocFileInfo
	return files, json.NewDecoder(body).Decode(&files)
}

// read writes a file, from an offset to its end as it is now and at most so many bytes.
// It is asked for in frames, for Nomad answers the plain verbs cat and readat with 200 and
// the text of the error where the file should be (command/agent/fs_endpoint.go).
func (d *Dispatcher) read(ctx context.Context, alloc, path string, offset, atMost int64, w io.Writer) error {
	params := map[string]string{"path": path, "offset": strconv.FormatInt(offset, 10), "origin": api.OriginStart, "follow": "false"}
	err := d.frames(ctx, "stream", alloc, params, func(b []byte) error {
		n, err := w.Write(b[:min(int64(len(b)), atMost)])
		if atMost -= int64(n); err == nil && atMost == 0 {
			err = errEnough
		}
		return err
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// errEnough says that no more of a file is wanted.
var errEnough = errors.New("enough was read")

// stream gives what a file has after the offset, and then what is added to it, until
// the context ends, the stream does, or it hangs.
func (d *Dispatcher) stream(ctx context.Context, alloc, path string, offset int64, take func([]byte) error) error {
	return d.frames(ctx, "stream", alloc, map[string]string{"path": path, "offset": strconv.FormatInt(offset, 10), "origin": api.OriginStart}, take)
}

// frames reads a stream of frames.
func (d *Dispatcher) frames(ctx context.Context, verb, alloc string, params map[string]string, take func([]byte) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	hangs := time.AfterFunc(streamQuiet, func() { cancel(errHangs) })
	defer hangs.Stop()
	body, err := d.fileRequest(ctx, verb, alloc, params)
	if err != nil {
		return because(ctx, err)
	}
	defer body.Close()
	frames := json.NewDecoder(body)
	for {
		var frame api.StreamFrame
		if err := frames.Decode(&frame); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return because(ctx, err)
		}
		hangs.Reset(streamQuiet)
		if frame.FileEvent != "" && len(frame.Data) == 0 {
			return nil // deleted, or cut: it is begun anew
		}
		if err := take(frame.Data); err != nil {
			return err
		}
	}
}

// Logs writes what the executor of a job printed, for people. stream is "stdout" or
// "stderr". With follow it goes on until the context ends or the task does.
func (d *Dispatcher) Logs(ctx context.Context, jobID, stream string, follow bool, w io.Writer) error {
	asking, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	doing := fmt.Sprintf("read the log of the job %s", jobID)
	allocs, _, err := d.Client.Jobs().Allocations(jobID, true, d.query(asking))
	if err != nil {
		return cluster.Explain(doing, err)
	}
	_, id, attempt, ok := cluster.ParseChild(jobID)
	if !ok {
		return fmt.Errorf("cannot %s: it is no run's; seatrial runs lists them", doing)
	}
	k := key{id, attempt}
	known, err := d.readNote(k)
	if err != nil {
		return err
	}
	alloc, err := d.counts(asking, k, known, allocs)
	if err != nil {
		return err
	}
	if alloc == nil {
		return fmt.Errorf("cannot %s: it has not been placed on a node yet, or is forgotten already", doing)
	}
	return cluster.Explain(doing, d.taskLog(ctx, alloc.ID, stream, 0, follow, w))
}

// taskLog writes the executor's output: all of it, or the last bytes.
func (d *Dispatcher) taskLog(ctx context.Context, alloc, stream string, last int64, follow bool, w io.Writer) error {
	params := map[string]string{"task": cluster.Executor, "type": stream, "follow": strconv.FormatBool(follow), "origin": api.OriginStart, "offset": "0"}
	if last > 0 {
		params["origin"], params["offset"] = api.OriginEnd, strconv.FormatInt(last, 10)
	}
	return d.frames(ctx, "logs", alloc, params, func(b []byte) error {
		_, err := w.Write(b)
		return err
	})
}
