package loaded

import (
	"encoding/binary"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"seatrial/harness/app/inside"
)

// maxWatched bounds how many files of an app are watched.
const maxWatched = 4_000

// Watch sees which of the code that lay in volumes is opened from its beginning to Close.
// An interpreter reads a module and closes it again, so that nothing shows afterwards.
type Watch struct {
	fd    int // -1 when closed
	names map[int32]watched
	seen  map[watched]bool
	blind bool // not all was seen: anything may have been opened
}

type watched struct{ volume, place string }

// NewWatch begins to watch. What is written from then on is not of interest.
func NewWatch(volumes []Volume) (*Watch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("cannot watch what the app opens: %w", err)
	}
	w := &Watch{fd: fd, names: map[int32]watched{}, seen: map[watched]bool{}}
	for _, v := range volumes {
		if err := w.add(v); err != nil {
			w.Close()
			return nil, fmt.Errorf("cannot watch what the app opens in %s: %w", v.Name, err)
		}
	}
	return w, nil
}

func (w *Watch) add(v Volume) error {
	root, err := os.OpenRoot(v.Dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for place, mark := range v.Before {
		of := source(place)
		if of != place {
			mark = v.Before[of] // a translation of what is not there is of no interest
		}
		if mark.Mode&unix.S_IFMT != unix.S_IFREG || !mayBeCode(of, mark) {
			continue
		}
		if len(w.names) == maxWatched {
			w.blind = true
			return nil
		}
		f, err := inside.OpenRegular(root, place)
		if err != nil {
			continue // it went in the meantime
		}
		// Once is enough, and so the kernel's queue never runs over.
		id, err := unix.InotifyAddWatch(w.fd, fmt.Sprintf("/proc/self/fd/%d", f.Fd()), unix.IN_OPEN|unix.IN_ONESHOT)
		f.Close()
		if err != nil {
			w.blind = true
			return nil
		}
		w.names[int32(id)] = watched{v.Name, of}
	}
	return nil
}

// Close ends the watch; what it saw stays known. It may be called twice, and of nil.
func (w *Watch) Close() {
	if w == nil || w.fd < 0 {
		return
	}
	buffer := make([]byte, 64<<10)
	for {
		n, err := unix.Read(w.fd, buffer)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			break
		}
		w.note(buffer[:n])
	}
	unix.Close(w.fd)
	w.fd = -1
}

func (w *Watch) note(events []byte) {
	for len(events) >= unix.SizeofInotifyEvent {
		id := int32(binary.NativeEndian.Uint32(events))
		mask := binary.NativeEndian.Uint32(events[4:])
		name := int(binary.NativeEndian.Uint32(events[12:]))
		events = events[min(len(events), unix.SizeofInotifyEvent+name):]
		if mask&unix.IN_Q_OVERFLOW != 0 {
			w.blind = true
		}
		if one, ok := w.names[id]; ok && mask&unix.IN_OPEN != 0 {
			w.seen[one] = true
		}
	}
}

// of lists what was opened of a volume.
func (w *Watch) of(volume string) (places []string) {
	if w == nil {
		return nil
	}
	for one := range w.seen {
		if one.volume == volume {
			places = append(places, one.place)
		}
	}
	slices.Sort(places)
	return places
}
