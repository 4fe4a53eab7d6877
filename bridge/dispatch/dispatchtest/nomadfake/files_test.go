package nomadfake_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"
)

// ask asks the file API through the server.
func (s *scene) ask(verb string, a *api.Allocation, params ...string) (io.ReadCloser, error) {
	values := url.Values{}
	for i := 0; i < len(params); i += 2 {
		values.Set(params[i], params[i+1])
	}
	return s.Raw().Response("/v1/client/fs/"+verb+"/"+a.ID+"?"+values.Encode(), nil)
}

func (s *scene) bytes(verb string, a *api.Allocation, params ...string) string {
	s.Helper()
	body, err := s.ask(verb, a, params...)
	if err != nil {
		s.Fatal(err)
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err != nil {
		s.Fatal(err)
	}
	return string(text)
}

func (s *scene) read(a *api.Allocation, path string) string {
	s.Helper()
	return s.bytes("cat", a, "path", path)
}

// frames reads a stream until it has so many bytes, or ends.
func (s *scene) frames(most int, verb string, a *api.Allocation, params ...string) (text string, ended bool) {
	s.Helper()
	body, err := s.ask(verb, a, params...)
	if err != nil {
		s.Fatal(err)
	}
	defer body.Close()
	stream := json.NewDecoder(body)
	for len(text) < most {
		var frame api.StreamFrame
		if err := stream.Decode(&frame); err != nil {
			return text, true
		}
		text += string(frame.Data)
	}
	return text, false
}

func fileClauses() []clause {
	return []clause{
		{"a folder is listed, and a file is told of", func(s *scene) {
			a := s.over(s.dispatch("writes hello"))
			files, _, err := s.AllocFS().List(a, "alloc", nil)
			if err != nil {
				s.Fatal(err)
			}
			kinds := map[string]string{}
			for _, f := range files {
				kinds[f.Name] = fmt.Sprintf("%v %s", f.IsDir, f.FileMode[:1])
			}
			if kinds["note.txt"] != "false -" || kinds["logs"] != "true d" {
				s.Errorf("got %v", kinds)
			}
			i, _, err := s.AllocFS().Stat(a, "alloc/note.txt", nil)
			if err != nil || i.Name != "note.txt" || i.Size != int64(len("torn down")) || time.Since(i.ModTime) > time.Minute {
				s.Errorf("got %+v, %v", i, err)
			}
		}},
		{"a file is read whole, and from an offset", func(s *scene) {
			a := s.over(s.dispatch("nothing"))
			if got := s.read(a, "alloc/note.txt"); got != "torn down" {
				s.Errorf("got %q", got)
			}
			if got := s.bytes("readat", a, "path", "alloc/note.txt", "offset", "5"); got != "down" {
				s.Errorf("from 5: %q", got)
			}
			if got := s.bytes("readat", a, "path", "alloc/note.txt", "offset", "5", "limit", "2"); got != "do" {
				s.Errorf("two from 5: %q", got)
			}
			if got := s.bytes("readat", a, "path", "alloc/note.txt", "offset", "9"); got != "" {
				s.Errorf("from the end: %q", got)
			}
		}},
		{"what is not there is said so", func(s *scene) {
			a := s.over(s.dispatch("nothing"))
			for verb, code := range map[string]int{"ls": 404, "stat": 404, "stream": 400} {
				_, err := s.ask(verb, a, "path", "alloc/nothing")
				s.refused(err, code, "no such file or directory")
			}
		}},
		{"no folder is read, no secret, and nothing outside", func(s *scene) {
			a := s.over(s.dispatch("nothing"))
			_, err := s.ask("stream", a, "path", "alloc")
			s.refused(err, 400, `file "alloc" is a directory`)
			_, err = s.ask("ls", a, "path", "../..")
			s.refused(err, 500, "Path escapes the alloc directory")
			_, err = s.ask("stream", a)
			s.refused(err, 400, "must provide a file name")
		}},
		{"what keeps a file from being read is told as if it were the file", func(s *scene) {
			a := s.over(s.dispatch("nothing"))
			for path, want := range map[string]string{"alloc/nothing": "no such file or directory", "alloc": `file "alloc" is a directory`, "": "must provide a file name"} {
				for _, verb := range []string{"cat", "readat"} {
					if got := s.bytes(verb, a, "path", path, "offset", "0"); !strings.Contains(got, want) {
						s.Errorf("%s %s: %q", verb, path, got)
					}
				}
			}
			if got := s.bytes("readat", &api.Allocation{ID: "11111111-2222-3333-4444-555555555555"}, "path", "alloc/x", "offset", "0"); !strings.Contains(got, "Unknown allocation") {
				s.Errorf("got %q", got)
			}
			weak := *s
			weak.Client = s.client(s.T, s.newToken(s.T, "read-job", "read-logs"))
			if got := weak.bytes("readat", a, "path", "alloc/note.txt", "offset", "0"); got != "Permission denied" {
				s.Errorf("got %q", got)
			}
		}},
		{"a stream gives what a file has and what is added to it", func(s *scene) {
			child := s.dispatch("grows")
			a := s.allocation(child)
			s.eventually("the file is there", func() bool {
				_, _, err := s.AllocFS().Stat(a, "alloc/note.txt", nil)
				return err == nil
			})
			const whole = "line 0\nline 1\nline 2\n"
			if got, _ := s.frames(len(whole), "stream", a, "path", "alloc/note.txt", "origin", "start", "offset", "0"); got != whole {
				s.Errorf("got %q", got)
			}
			if got, _ := s.frames(len("line 2\n"), "stream", a, "path", "alloc/note.txt", "origin", "start", "offset", "14"); got != "line 2\n" {
				s.Errorf("from 14: %q", got)
			}
			if got, ended := s.frames(len(whole), "stream", a, "path", "alloc/note.txt", "origin", "end", "offset", "7", "follow", "false"); got != "line 2\n" || !ended {
				s.Errorf("seven from the end: %q, ended %v", got, ended)
			}
			s.stop(a)
		}},
		{"a stream has heartbeats, and frames name file and offset", func(s *scene) {
			a := s.over(s.dispatch("nothing"))
			body, err := s.ask("stream", a, "path", "alloc/note.txt")
			if err != nil {
				s.Fatal(err)
			}
			defer body.Close()
			stream := json.NewDecoder(body)
			var first, beat api.StreamFrame
			if err := stream.Decode(&first); err != nil || string(first.Data) != "torn down" || first.File != "alloc/note.txt" || first.Offset != int64(len("torn down")) {
				s.Errorf("got %+v, %v", first, err)
			}
			if err := stream.Decode(&beat); err != nil || !beat.IsHeartbeat() {
				s.Errorf("got %+v, %v", beat, err)
			}
		}},
		{"the logs of a task are told, apart, from either end", func(s *scene) {
			a := s.over(s.dispatch("says hello"))
			for kind, want := range map[string]string{"stdout": "hello\n", "stderr": "quietly\n"} {
				got, ended := s.frames(100, "logs", a, "task", "executor", "type", kind, "follow", "false", "origin", "start", "offset", "0")
				if got != want || !ended {
					s.Errorf("%s: %q, ended %v", kind, got, ended)
				}
			}
			if got, _ := s.frames(100, "logs", a, "task", "executor", "type", "stdout", "follow", "false", "origin", "end", "offset", "3"); got != "lo\n" {
				s.Errorf("the last: %q", got)
			}
			if got := s.bytes("logs", a, "task", "executor", "type", "stdout", "plain", "true"); got != "hello\n" {
				s.Errorf("plain: %q", got)
			}
			_, err := s.ask("logs", a, "task", "cook", "type", "stdout")
			s.refused(err, 400, `unknown task name "cook"`)
			_, err = s.ask("logs", a, "task", "executor")
			s.refused(err, 400, "must provide log type (stdout/stderr)")
		}},
		{"the log of a task that runs is followed", func(s *scene) {
			child := s.dispatch("waits")
			a := s.waits(child)
			body, err := s.ask("logs", a, "task", "executor", "type", "stdout", "follow", "true")
			if err != nil {
				s.Fatal(err)
			}
			defer body.Close()
			var beat api.StreamFrame
			if err := json.NewDecoder(body).Decode(&beat); err != nil || !beat.IsHeartbeat() {
				s.Errorf("got %+v, %v", beat, err)
			}
			s.stop(a)
			s.over(child)
		}},
		{"a file of an allocation that there is none of is not found", func(s *scene) {
			a := &api.Allocation{ID: "11111111-2222-3333-4444-555555555555"}
			for _, verb := range []string{"ls", "stat", "stream"} {
				_, err := s.ask(verb, a, "path", "alloc/x", "offset", "0")
				answer, ok := err.(api.UnexpectedResponseError)
				if !ok || answer.StatusCode() != 404 || !strings.Contains(answer.Body(), "Unknown allocation") {
					s.Errorf("%s: %v", verb, err)
				}
			}
		}},
	}
}
