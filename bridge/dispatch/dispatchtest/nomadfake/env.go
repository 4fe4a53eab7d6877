package nomadfake

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"github.com/hashicorp/nomad/api"
)

// command makes a raw_exec task's process.
func (f *Fake) command(a *allocation, task *api.Task) (*exec.Cmd, error) {
	env := f.environment(a, task)
	name, _ := task.Config["command"].(string)
	if name == "" {
		return nil, fmt.Errorf("the task %s has no command", task.Name)
	}
	var args []string
	switch given := task.Config["args"].(type) {
	case []any:
		for _, arg := range given {
			args = append(args, a.node.expand(fmt.Sprint(arg), env))
		}
	case []string:
		for _, arg := range given {
			args = append(args, a.node.expand(arg, env))
		}
	}
	cmd := exec.Command(a.node.expand(name, env), args...)
	cmd.Dir = filepath.Join(f.AllocDir(a.ID), task.Name)
	// A group of its own is ended as a whole.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "NOMAD_") {
			cmd.Env = append(cmd.Env, entry)
		}
	}
	for key, v := range env {
		cmd.Env = append(cmd.Env, key+"="+v)
	}
	return cmd, nil
}

// environment is what a task is told: taskenv in Nomad.
func (f *Fake) environment(a *allocation, task *api.Task) map[string]string {
	own := filepath.Join(f.AllocDir(a.ID), task.Name)
	env := map[string]string{
		"NOMAD_ALLOC_DIR": f.shared(a), "NOMAD_TASK_DIR": filepath.Join(own, "local"), "NOMAD_SECRETS_DIR": filepath.Join(own, "secrets"),
		"NOMAD_ALLOC_ID": a.ID, "NOMAD_SHORT_ALLOC_ID": a.ID[:8], "NOMAD_ALLOC_NAME": a.Name, "NOMAD_ALLOC_INDEX": "0",
		"NOMAD_JOB_ID": a.JobID, "NOMAD_JOB_NAME": value(a.job.Name), "NOMAD_NAMESPACE": a.Namespace, "NOMAD_REGION": "global", "NOMAD_DC": a.node.Datacenter,
		"NOMAD_GROUP_NAME": a.TaskGroup, "NOMAD_TASK_NAME": task.Name,
	}
	if parent := value(a.job.ParentID); parent != "" {
		env["NOMAD_JOB_PARENT_ID"] = parent
	}
	if given := a.AllocatedResources.Tasks[task.Name]; given != nil {
		env["NOMAD_CPU_LIMIT"], env["NOMAD_MEMORY_LIMIT"] = strconv.FormatInt(given.Cpu.CpuShares, 10), strconv.FormatInt(given.Memory.MemoryMB, 10)
	}
	for label, port := range a.ports {
		number := strconv.Itoa(port)
		env["NOMAD_IP_"+label], env["NOMAD_PORT_"+label], env["NOMAD_HOST_PORT_"+label] = "127.0.0.1", number, number
		env["NOMAD_ADDR_"+label] = net.JoinHostPort("127.0.0.1", number)
	}
	empty := map[string]string{} // a dispatch may leave out what is optional; then it is empty
	if takes := a.job.ParameterizedJob; takes != nil {
		for _, key := range takes.MetaOptional {
			empty[key] = ""
		}
	}
	for _, meta := range []map[string]string{empty, a.job.Meta, a.group.Meta, task.Meta} {
		for key, v := range meta {
			key = unfit.ReplaceAllString(key, "_")
			env["NOMAD_META_"+key] = v
			env["NOMAD_META_"+strings.ToUpper(key)] = v
		}
	}
	for key, v := range env {
		env[key] = a.node.expand(v, env)
	}
	for key, v := range task.Env {
		env[key] = a.node.expand(v, env)
	}
	return env
}

// unfit are the letters that a variable's name does not have.
var unfit = regexp.MustCompile(`[^A-Za-z0-9_]`)

var reference = regexp.MustCompile(`\$\{[^}]+\}`)

// expand replaces what is known of the node and of the environment. The rest stays.
func (n *node) expand(text string, env map[string]string) string {
	return reference.ReplaceAllStringFunc(text, func(ref string) string {
		if v, there := n.lookup(ref); there {
			return v
		}
		name := strings.TrimSuffix(strings.TrimPrefix(ref, "${"), "}")
		if inner, is := strings.CutPrefix(name, `env["`); is {
			name = strings.TrimSuffix(inner, `"]`)
		}
		if v, there := env[name]; there {
			return v
		}
		return ref
	})
}
