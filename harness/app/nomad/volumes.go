package nomad

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/app"
	"seatrial/harness/cluster"
)

const (
	pluginMkdir = "mkdir" // built into Nomad's client
	// volumeLimit is how long a volume may take to be there, or to be let go.
	volumeLimit  = time.Minute
	pollInterval = 100 * time.Millisecond
)

// hostVolume is a volume that was made, or found.
type hostVolume struct{ purpose, name, id string }

// makeVolume makes a labelled volume on our node, if it is not there.
func (a *App) makeVolume(ctx context.Context, purpose, owner string) (hostVolume, error) {
	v := hostVolume{purpose: purpose, name: cluster.LabelName(a.cfg.Labels, purpose)}
	stub, err := a.volumeNamed(ctx, v.name)
	if err != nil {
		return v, cluster.Explain("look for the volume "+purpose, err)
	}
	if stub != nil {
		v.id = stub.ID
		return v, nil
	}
	parameters := map[string]string{"mode": "0777"}
	if uid, gid, ok := idsOf(owner); ok {
		parameters["uid"], parameters["gid"] = uid, gid
	}
	answer, _, err := a.cfg.Client.HostVolumes().Create(&api.HostVolumeCreateRequest{Volume: &api.HostVolume{
		Namespace: a.cfg.Namespaces.Apps, Name: v.name, PluginID: pluginMkdir, NodeID: a.cfg.NodeID, Parameters: parameters,
		RequestedCapabilities: []*api.HostVolumeCapability{{
			AttachmentMode: api.HostVolumeAttachmentModeFilesystem, AccessMode: api.HostVolumeAccessModeSingleNodeMultiWriter,
		}},
	}}, a.write(ctx))
	if err != nil {
		return v, cluster.Explain("make the volume "+purpose, err)
	}
	v.id = answer.Volume.ID
	return v, nil
}

// awaitVolume waits until a volume can be used, which takes seconds: a node tells the
// servers of its volumes now and then. It says where the volume lies on this machine.
func (a *App) awaitVolume(ctx context.Context, v hostVolume) (dir string, err error) {
	err = await(ctx, volumeLimit, "the volume "+v.purpose, func() (string, error) {
		now, _, err := a.cfg.Client.HostVolumes().Get(v.id, a.query(ctx))
		if err != nil {
			return "", err
		}
		if now.State != api.HostVolumeStateReady || now.HostPath == "" {
			return "it is " + string(now.State), nil
		}
		dir = now.HostPath
		return "", nil
	})
	if err != nil {
		return "", cluster.Explain("make the volume "+v.purpose, err)
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return "", fmt.Errorf("cannot reach the volume %s: %w", v.purpose, a.elsewhere(dir))
	}
	return dir, nil
}

// elsewhere says that a volume's folder is not here.
func (a *App) elsewhere(dir string) error {
	return fmt.Errorf("its folder %s is not on this machine; the harness has to run as root on the node %s, and not in a container", dir, a.cfg.NodeID)
}

// idsOf finds a user on this machine. A container's users are not looked for.
func idsOf(name string) (uid, gid string, ok bool) {
	if name == "" {
		return "", "", false
	}
	if _, err := strconv.Atoi(name); err == nil {
		return name, name, true
	}
	u, err := user.Lookup(name)
	if err != nil {
		return "", "", false
	}
	return u.Uid, u.Gid, true
}

// ownerOf is the user whose a volume is: that of the first task that mounts it.
func ownerOf(job *api.Job, source string) string {
	for _, g := range job.TaskGroups {
		for name, v := range g.Volumes {
			for _, t := range g.Tasks {
				mounts := slices.ContainsFunc(t.VolumeMounts, func(m *api.VolumeMount) bool { return value(m.Volume) == name })
				switch {
				case v.Source != source || !mounts:
				case t.User == "" && t.Driver == "exec":
					return "nobody" // Nomad's default for it
				case t.Driver == "exec" || t.Driver == "raw_exec":
					return t.User
				}
			}
		}
	}
	return ""
}

func (a *App) volumeNamed(ctx context.Context, name string) (*api.HostVolumeStub, error) {
	all, _, err := a.cfg.Client.HostVolumes().List(&api.HostVolumeListRequest{NodeID: a.cfg.NodeID}, a.query(ctx))
	if err != nil {
		return nil, err
	}
	for _, v := range all {
		if v.Name == name {
			return v, nil
		}
	}
	return nil, nil
}

// folderOf is where a volume lies on this machine.
func (a *App) folderOf(ctx context.Context, volume string) (string, error) {
	if !a.isVolume(volume) {
		return "", errors.New("the app has none of this name")
	}
	stub, err := a.volumeNamed(ctx, cluster.LabelName(a.cfg.Labels, volume))
	if err != nil {
		return "", cluster.Explain("find it", err)
	}
	if stub == nil {
		return "", errors.New("it does not exist: nothing is deployed")
	}
	v, _, err := a.cfg.Client.HostVolumes().Get(stub.ID, a.query(ctx))
	if err != nil {
		return "", cluster.Explain("find it", err)
	}
	if info, err := os.Stat(v.HostPath); err != nil || !info.IsDir() {
		return "", a.elsewhere(v.HostPath)
	}
	return v.HostPath, nil
}

// openVolume opens the folder that a volume is.
func (a *App) openVolume(ctx context.Context, volume string) (*os.File, error) {
	folder, err := a.folderOf(ctx, volume)
	if err != nil {
		return nil, err
	}
	return os.Open(folder)
}

// deleteVolume deletes a volume when nothing uses it any more. One that is gone is no error.
func deleteVolume(ctx context.Context, client *cluster.Client, namespace, id string) error {
	return await(ctx, volumeLimit, "a volume to be let go", func() (string, error) {
		_, _, err := client.HostVolumes().Delete(&api.HostVolumeDeleteRequest{ID: id}, client.Write(ctx, namespace))
		switch {
		case err == nil, cluster.Is(err, cluster.ErrNotFound), strings.Contains(err.Error(), "no such volume"):
			return "", nil
		case strings.Contains(err.Error(), "in use by"):
			return "it is in use", nil
		}
		return "", err
	})
}

// Volumes implements app.Storage. A volume's path is that in the main task, or in the
// first other one that mounts it.
func (a *App) Volumes(context.Context) ([]app.Volume, error) {
	d, _ := a.state()
	var volumes []app.Volume
	for _, name := range a.cfg.Enrolment.Volumes {
		v := app.Volume{Name: name}
		if d != nil {
			v.Path = d.mounts[name]
		}
		volumes = append(volumes, v)
	}
	return volumes, nil
}

// mountsOf says where the app sees each of its volumes, given where those lie. It is
// asked before the job is reshaped.
func mountsOf(job *api.Job, main spot, dirs map[string]string) map[string]string {
	seen := map[string]string{}
	look := func(g *api.TaskGroup, t *api.Task) {
		for _, m := range t.VolumeMounts {
			v := g.Volumes[value(m.Volume)]
			if v != nil && seen[v.Source] == "" {
				seen[v.Source] = mountOf(t, m, dirs[v.Source])
			}
		}
	}
	look(at(job, main))
	for _, g := range job.TaskGroups {
		for _, t := range g.Tasks {
			look(g, t)
		}
	}
	return seen
}

// seenBy says where each task sees each volume.
func seenBy(job *api.Job, dirs map[string]string) map[spot]map[string]string {
	seen := map[spot]map[string]string{}
	for _, g := range job.TaskGroups {
		for _, t := range g.Tasks {
			one := spot{group: value(g.Name), task: t.Name}
			seen[one] = map[string]string{}
			for _, m := range t.VolumeMounts {
				if v := g.Volumes[value(m.Volume)]; v != nil {
					seen[one][v.Source] = mountOf(t, m, dirs[v.Source])
				}
			}
		}
	}
	return seen
}

// mountOf is where a task sees a volume. The driver raw_exec mounts nothing: its tasks
// find a volume where it lies.
func mountOf(t *api.Task, m *api.VolumeMount, dir string) string {
	if t.Driver == "raw_exec" && dir != "" {
		return dir
	}
	return value(m.Destination)
}
