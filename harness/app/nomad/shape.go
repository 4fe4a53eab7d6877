package nomad

import (
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/app"
	"seatrial/harness/cluster"
)

// The keys of a job's meta that say which release it is, beside the labels.
const (
	metaName   = "seatrial_release"
	metaCommit = "seatrial_commit"
	metaTree   = "seatrial_tree"
	metaSerial = "seatrial_serial" // another one each time that the job is submitted
)

// priority is below what an operator's own jobs have, which is 50.
const priority = 20

// shape is what a job file is made to be, whatever it says.
type shape struct {
	namespace, label string
	node             *api.Node
	labels           map[string]string
	release          app.Release
	volumes          map[string]string // a volume's name → the name of the host volume
	dirs             map[string]string // a volume's name → its folder on the node
	stop             time.Duration     // the longest that a task may take to stop
	memory           int               // MiB, the most that a task may have
}

// apply makes a job ours: its name, place, labels and volumes, no second chances, and
// nothing registered anywhere.
func (s shape) apply(job *api.Job) {
	job.ID, job.Name, job.Namespace = new(s.label), new(s.label), new(s.namespace)
	job.Region, job.Type, job.Priority = nil, new(api.JobTypeService), new(priority)
	job.Datacenters, job.NodePool = []string{s.node.Datacenter}, new(s.node.NodePool)
	job.Affinities, job.Spreads = nil, nil
	job.Constraints = append(job.Constraints, api.NewConstraint("${node.unique.id}", "=", s.node.ID))
	if job.Meta == nil {
		job.Meta = map[string]string{}
	}
	for key := range job.Meta {
		if strings.HasPrefix(key, "seatrial_") {
			delete(job.Meta, key)
		}
	}
	maps.Copy(job.Meta, s.labels)
	job.Meta[metaName], job.Meta[metaCommit], job.Meta[metaTree] = s.release.Name, s.release.Commit, s.release.Tree
	job.Reschedule, job.Migrate, job.UI = nil, nil, nil
	job.Update = update(1)
	for _, g := range job.TaskGroups {
		s.group(g)
	}
}

func (s shape) group(g *api.TaskGroup) {
	g.RestartPolicy = noRestart()
	g.ReschedulePolicy = &api.ReschedulePolicy{Attempts: new(0), Unlimited: new(false)}
	g.Update = update(max(count(g), 1))
	// A node that is silent for a while still has the app, and gets no second one.
	g.Disconnect = &api.DisconnectStrategy{LostAfter: new(time.Hour), Replace: new(false), Reconcile: new(api.ReconcileOptionKeepOriginal)}
	//lint:ignore SA1019 an older server heeds what a newer one has deprecated
	g.StopAfterClientDisconnect, g.MaxClientDisconnect, g.PreventRescheduleOnLost = nil, nil, nil
	g.Migrate, g.Scaling, g.Services, g.Affinities, g.Spreads = nil, nil, nil, nil, nil
	if g.EphemeralDisk != nil {
		g.EphemeralDisk.Sticky, g.EphemeralDisk.Migrate = new(false), new(false)
	}
	mounted := map[string]string{} // the group's name for a volume → the app's
	for name, v := range g.Volumes {
		mounted[name] = v.Source
		v.AccessMode, v.AttachmentMode = string(api.HostVolumeAccessModeSingleNodeMultiWriter), string(api.HostVolumeAttachmentModeFilesystem)
		v.ReadOnly = v.ReadOnly || v.Source == releaseVolume
		v.Source = s.volumes[v.Source]
	}
	for _, t := range g.Tasks {
		s.task(t, mounted)
	}
}

func (s shape) task(t *api.Task, mounted map[string]string) {
	t.RestartPolicy, t.Services, t.ScalingPolicies, t.Affinities, t.Actions = noRestart(), nil, nil, nil, nil
	if t.KillTimeout == nil || *t.KillTimeout > s.stop {
		t.KillTimeout = new(s.stop)
	}
	t.ShutdownDelay = min(t.ShutdownDelay, s.stop)
	if r := t.Resources; r != nil {
		if value(r.MemoryMB) > s.memory {
			r.MemoryMB = new(s.memory)
		}
		if value(r.MemoryMaxMB) > s.memory {
			r.MemoryMaxMB = new(s.memory)
		}
	}
	if t.Env == nil {
		t.Env = map[string]string{}
	}
	for _, m := range t.VolumeMounts {
		source := mounted[value(m.Volume)]
		if name := variableOf(source); source != "" && t.Env[name] == "" {
			t.Env[name] = mountOf(t, m, s.dirs[source])
		}
	}
	if t.Driver == "raw_exec" {
		t.VolumeMounts = nil // Nomad would refuse them
	}
}

// mainVolume gives a task the folder of the app's first volume as DATA_DIR.
func mainVolume(job *api.Job, first string) {
	for _, g := range job.TaskGroups {
		for _, t := range g.Tasks {
			if dir := t.Env[variableOf(first)]; dir != "" && t.Env["DATA_DIR"] == "" {
				t.Env["DATA_DIR"] = dir
			}
		}
	}
}

// variableOf is the variable that holds a volume's folder: uploads → UPLOADS_DIR.
func variableOf(volume string) string {
	return strings.ToUpper(strings.ReplaceAll(volume, "-", "_")) + "_DIR"
}

func noRestart() *api.RestartPolicy {
	return &api.RestartPolicy{Attempts: new(0), Mode: new(api.RestartPolicyModeFail)}
}

// update replaces all of a group's allocations at once. A deployment is over when the
// tasks run; whether the app is healthy is another's question.
func update(parallel int) *api.UpdateStrategy {
	return &api.UpdateStrategy{
		MaxParallel: new(parallel), HealthCheck: new("task_states"), MinHealthyTime: new(time.Duration(0)), HealthyDeadline: new(startLimit),
		ProgressDeadline: new(2 * startLimit), AutoRevert: new(false), AutoPromote: new(false), Canary: new(0), Stagger: new(time.Second),
	}
}

// serial makes a job differ from itself, so that Nomad replaces what runs.
func serial(job *api.Job, now time.Time) {
	job.Meta[metaSerial] = strconv.FormatInt(now.UnixNano(), 36)
}

// labelMeta is the labels of everything of this app.
func (a *App) labelMeta() map[string]string { return cluster.LabelMeta(a.cfg.Labels) }
