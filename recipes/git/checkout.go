package git

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
)

// entry is one file of a tree.
type entry struct {
	mode string
	hash string
	size int64
	path string
}

// The modes that a tree can hold.
const (
	modeFile       = "100644"
	modeGroupFile  = "100664" // of old histories
	modeExecutable = "100755"
	modeLink       = "120000"
	modeSubmodule  = "160000"
)

// Checkout writes the commit's files into a folder, which must be empty or not be
// there. They are what was committed, byte by byte: no attribute, filter or line
// ending is applied. Links stay links and are never followed; a submodule is an
// empty folder; there is no .git.
func (r *Repo) Checkout(ctx context.Context, commit, dir string) error {
	entries, err := r.entries(ctx, commit)
	if err != nil {
		return fmt.Errorf("cannot list the files of %s: %w", commit, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cannot check out %s: %w", commit, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("cannot check out %s: %w", commit, err)
	}
	err = r.write(ctx, root, entries)
	if err = errors.Join(err, root.Close()); err != nil {
		return fmt.Errorf("cannot check out %s: %w", commit, err)
	}
	return nil
}

func (r *Repo) entries(ctx context.Context, commit string) ([]entry, error) {
	if !fullHash.MatchString(commit) {
		return nil, fmt.Errorf("%q is not a commit's full hash", commit)
	}
	out, err := r.ask(ctx, "ls-tree", "-r", "-l", "-z", "--full-tree", commit)
	if err != nil {
		return nil, err
	}
	var entries []entry
	var sum int64
	for record := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		if record == "" {
			continue
		}
		facts, name, ok := strings.Cut(record, "\t")
		fields := strings.Fields(facts)
		if !ok || len(fields) != 4 {
			return nil, fmt.Errorf("git lists %q, which is not understood", record)
		}
		e := entry{mode: fields[0], hash: fields[2], path: name}
		if fields[1] == "blob" {
			if e.size, err = strconv.ParseInt(fields[3], 10, 64); err != nil {
				return nil, fmt.Errorf("git lists %q, which is not understood", record)
			}
		}
		if err := checkPath(name); err != nil {
			return nil, err
		}
		if sum += e.size; sum > r.git.maxBytes() || len(entries) >= mostFiles {
			return nil, fmt.Errorf("there are more than %d MiB or %d files, which is more than is checked out", r.git.maxBytes()>>20, mostFiles)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// checkPath refuses what could leave the folder or pass for git's own.
func checkPath(name string) error {
	if !fs.ValidPath(name) || name == "." || strings.ContainsRune(name, 0) {
		return fmt.Errorf("the commit holds a file at %q, where none may be", name)
	}
	for part := range strings.SplitSeq(name, "/") {
		if strings.EqualFold(part, ".git") {
			return fmt.Errorf("the commit holds a file at %q, which is git's own place", name)
		}
	}
	return nil
}

// write streams every object out of git in one go.
func (r *Repo) write(ctx context.Context, root *os.Root, entries []entry) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var hashes strings.Builder
	for _, e := range entries {
		if e.mode != modeSubmodule {
			hashes.WriteString(e.hash + "\n")
		}
	}
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := r.git.run(ctx, call{
			args:  []string{"--git-dir=" + r.dir, "cat-file", "--batch", "--buffer"},
			stdin: strings.NewReader(hashes.String()), stdout: in,
		})
		_ = in.CloseWithError(err)
		ended <- err
	}()
	err := writeAll(root, entries, bufio.NewReaderSize(out, 1<<16))
	if err != nil {
		cancel()
		_ = out.CloseWithError(err)
		<-ended
		return err
	}
	_ = out.Close()
	return <-ended
}

func writeAll(root *os.Root, entries []entry, objects *bufio.Reader) error {
	folders := map[string]bool{".": true}
	for _, e := range entries {
		folder := path.Dir(e.path)
		if e.mode == modeSubmodule {
			folder = e.path
		}
		if !folders[folder] {
			if err := root.MkdirAll(folder, 0o755); err != nil {
				return err
			}
			folders[folder] = true
		}
		if e.mode == modeSubmodule {
			continue
		}
		header, err := objects.ReadString('\n')
		if err != nil {
			return fmt.Errorf("cannot read %s: %w", e.path, err)
		}
		if want := fmt.Sprintf("%s blob %d\n", e.hash, e.size); header != want {
			return fmt.Errorf("cannot read %s: git answers %q", e.path, strings.TrimSpace(header))
		}
		if err := writeOne(root, e, io.LimitReader(objects, e.size)); err != nil {
			return err
		}
		if _, err := objects.Discard(1); err != nil {
			return fmt.Errorf("cannot read %s: %w", e.path, err)
		}
	}
	return nil
}

func writeOne(root *os.Root, e entry, content io.Reader) error {
	switch e.mode {
	case modeLink:
		const longest = 4095
		target, err := io.ReadAll(content)
		if err != nil {
			return err
		}
		if len(target) == 0 || len(target) > longest || strings.ContainsRune(string(target), 0) {
			return fmt.Errorf("%s is a link to nowhere", e.path)
		}
		return root.Symlink(string(target), e.path)
	case modeFile, modeGroupFile:
		return writeFile(root, e.path, 0o644, content, e.size)
	case modeExecutable:
		return writeFile(root, e.path, 0o755, content, e.size)
	}
	return fmt.Errorf("%s has the mode %s, which is not known", e.path, e.mode)
}

// writeFile makes a file that must not be there yet, with exactly this mode.
func writeFile(root *os.Root, name string, mode os.FileMode, content io.Reader, size int64) error {
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, content)
	if err == nil && size >= 0 && n != size {
		err = fmt.Errorf("%s ended after %d of %d bytes", name, n, size)
	}
	return errors.Join(err, f.Chmod(mode), f.Close())
}
