package inside

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// Export writes what lies in dir as a tar stream: paths relative to dir, modes,
// links as links; where it runs as root, owners too. Sockets, pipes and devices hold no
// data and are left out.
func Export(dir string, w io.Writer) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("cannot open the volume: %w", err)
	}
	defer root.Close()
	out := tar.NewWriter(w)
	linked := map[inode]string{}
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the app removed it in the meantime
		}
		if err != nil {
			return fmt.Errorf("cannot read %s: %w", name, err)
		}
		if name == "." {
			return nil
		}
		info, err := root.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("cannot read %s: %w", name, err)
		}
		return exportEntry(root, out, name, info, linked)
	})
	if err != nil {
		return err
	}
	return out.Close()
}

type inode struct{ dev, ino uint64 }

func exportEntry(root *os.Root, out *tar.Writer, name string, info fs.FileInfo, linked map[inode]string) error {
	var target string
	switch {
	case info.Mode().IsRegular(), info.IsDir():
	case info.Mode()&fs.ModeSymlink != 0:
		var err error
		if target, err = root.Readlink(name); err != nil {
			return fmt.Errorf("cannot read link %s: %w", name, err)
		}
	default:
		return nil
	}
	header, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return fmt.Errorf("cannot describe %s: %w", name, err)
	}
	header.Name, header.Format = name, tar.FormatPAX
	header.Uname, header.Gname = "", "" // names mean something else elsewhere
	if os.Geteuid() != 0 {
		header.Uid, header.Gid = 0, 0 // whoever imports it owns it
	}
	if info.IsDir() {
		header.Name += "/"
	}
	if !info.Mode().IsRegular() {
		return out.WriteHeader(header)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Nlink > 1 {
		key := inode{stat.Dev, stat.Ino}
		if first, seen := linked[key]; seen {
			header.Typeflag, header.Linkname, header.Size = tar.TypeLink, first, 0
			return out.WriteHeader(header)
		}
		linked[key] = name
	}
	return exportFile(root, out, name, header)
}

func exportFile(root *os.Root, out *tar.Writer, name string, header *tar.Header) error {
	f, err := OpenRegular(root, name)
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", name, err)
	}
	defer f.Close()
	// A running app may shorten or lengthen the file while it is read. What is
	// written has the length that the header gives.
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", name, err)
	}
	header.Size = info.Size()
	if err := out.WriteHeader(header); err != nil {
		return err
	}
	n, err := io.CopyN(out, f, header.Size)
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("cannot read %s: it was cut to %d of %d bytes while it was read", name, n, header.Size)
	}
	return err
}

// OpenRegular opens a regular file for reading and nothing else: a pipe put in
// its place must not make us wait.
func OpenRegular(root *os.Root, name string) (*os.File, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("it is not a regular file")
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// importPrefix starts the name of the folder in which an import is prepared.
const importPrefix = ".seatrial-import-"

// Import replaces what lies in dir by the stream's entries. An entry that would
// leave dir is refused. Whatever goes wrong with the stream, dir is then as it was. What
// is imported belongs to whom it is imported as; root gives it back to its owner.
func Import(dir string, r io.Reader) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("cannot open the volume: %w", err)
	}
	defer root.Close()
	fresh, err := os.MkdirTemp(dir, importPrefix)
	if err != nil {
		return fmt.Errorf("cannot prepare the volume: %w", err)
	}
	name := filepath.Base(fresh)
	if err := unpack(root, name, r); err != nil {
		return errors.Join(err, root.RemoveAll(name))
	}
	return replace(root, name)
}

// unpack makes a folder's content of the stream.
func unpack(volume *os.Root, fresh string, r io.Reader) error {
	modes, err := unpackEntries(volume, fresh, r)
	if err != nil {
		return err
	}
	root, err := volume.OpenRoot(fresh)
	if err != nil {
		return fmt.Errorf("cannot prepare the volume: %w", err)
	}
	defer root.Close()
	// Last: a folder that may not be written to is filled first.
	for name, mode := range modes {
		if err := root.Chmod(name, mode); err != nil {
			return fmt.Errorf("cannot import %q: %w", name, err)
		}
	}
	return nil
}

// unpackEntries does so but for the modes of folders, which it returns.
func unpackEntries(volume *os.Root, fresh string, r io.Reader) (map[string]fs.FileMode, error) {
	root, err := volume.OpenRoot(fresh)
	if err != nil {
		return nil, fmt.Errorf("cannot prepare the volume: %w", err)
	}
	defer root.Close()
	in := tar.NewReader(r)
	modes := map[string]fs.FileMode{}
	for {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read the archive: %w", err)
		}
		name, err := local(header.Name)
		if err != nil {
			return nil, err
		}
		if err := unpackEntry(root, name, header, in, modes); err != nil {
			return nil, fmt.Errorf("cannot import %q: %w", header.Name, err)
		}
	}
	// Whoever writes the stream is not to be cut off in its padding.
	if _, err := io.Copy(io.Discard, r); err != nil {
		return nil, fmt.Errorf("cannot read the archive: %w", err)
	}
	return modes, nil
}

func local(name string) (string, error) {
	clean := path.Clean(name)
	if !filepath.IsLocal(clean) || strings.ContainsRune(name, 0) {
		return "", fmt.Errorf("cannot import %q: it would leave the volume", name)
	}
	return clean, nil
}

func unpackEntry(root *os.Root, name string, header *tar.Header, in io.Reader, modes map[string]fs.FileMode) error {
	mode := fs.FileMode(header.Mode) & fs.ModePerm
	if name == "." {
		return nil
	}
	if parent := path.Dir(name); parent != "." && header.Typeflag != tar.TypeXGlobalHeader {
		if err := root.MkdirAll(parent, 0o755); err != nil {
			return err
		}
	}
	if err := unpackAs(root, name, header, in, mode, modes); err != nil {
		return err
	}
	return own(root, name, header)
}

// own gives what root unpacks to whom it belonged. Others cannot give anything away.
func own(root *os.Root, name string, header *tar.Header) error {
	if os.Geteuid() != 0 || header.Typeflag == tar.TypeXGlobalHeader || header.Typeflag == tar.TypeLink {
		return nil
	}
	return root.Lchown(name, header.Uid, header.Gid)
}

func unpackAs(root *os.Root, name string, header *tar.Header, in io.Reader, mode fs.FileMode, modes map[string]fs.FileMode) error {
	switch header.Typeflag {
	case tar.TypeDir:
		modes[name] = mode
		return root.MkdirAll(name, 0o700)
	case tar.TypeReg:
		f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, in)
		if err = errors.Join(err, f.Chmod(mode), f.Close()); err != nil {
			return err
		}
		return root.Chtimes(name, header.ModTime, header.ModTime)
	case tar.TypeSymlink:
		return root.Symlink(header.Linkname, name)
	case tar.TypeLink:
		target, err := local(header.Linkname)
		if err != nil {
			return err
		}
		return root.Link(target, name)
	case tar.TypeXGlobalHeader:
		return nil
	default:
		return fmt.Errorf("an entry of kind %q is neither file, folder nor link", header.Typeflag)
	}
}

// replace removes everything but the fresh folder and moves that folder's
// content up.
func replace(root *os.Root, fresh string) error {
	if err := eachEntry(root, ".", func(name string) error {
		if name == fresh {
			return nil
		}
		return removeTree(root, name)
	}); err != nil {
		return fmt.Errorf("cannot empty the volume: %w", err)
	}
	if err := eachEntry(root, fresh, func(name string) error {
		return moveUp(root, fresh+"/"+name, name)
	}); err != nil {
		return fmt.Errorf("cannot fill the volume: %w", err)
	}
	return root.Remove(fresh)
}

// moveUp renames; a folder that may not be written to cannot change its parent.
func moveUp(root *os.Root, from, to string) error {
	info, err := root.Lstat(from)
	if err != nil {
		return err
	}
	if !info.IsDir() || info.Mode()&0o200 != 0 {
		return root.Rename(from, to)
	}
	if err := root.Chmod(from, info.Mode()|0o700); err != nil {
		return err
	}
	return errors.Join(root.Rename(from, to), root.Chmod(to, info.Mode()))
}

func eachEntry(root *os.Root, name string, do func(name string) error) error {
	entries, err := fs.ReadDir(root.FS(), name)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := do(entry.Name()); err != nil {
			return err
		}
	}
	return nil
}

// removeTree removes also what its owner may not write to.
func removeTree(root *os.Root, name string) error {
	if err := root.RemoveAll(name); err == nil {
		return nil
	}
	err := fs.WalkDir(root.FS(), name, func(name string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			return root.Chmod(name, 0o700)
		}
		return nil
	})
	return errors.Join(err, root.RemoveAll(name))
}
