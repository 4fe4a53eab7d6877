package e2e_test

import (
	"context"
	"strconv"
	"time"

	"github.com/moby/moby/api/types/mount"
	swarmapi "github.com/moby/moby/api/types/swarm"
	"github.com/moby/moby/client"

	"seatrial/harness/run"
)

// leave makes the stack that a run leaves when everything of it dies: one object of each
// kind, and a container if the service runs.
func (h *harbour) leave(ctx context.Context, l run.Labels, runs bool) error {
	name := "left-" + string(l.Run)
	labels := map[string]string{
		"com.docker.stack.namespace": name,
		"seatrial.instance":          l.Instance, "seatrial.run": string(l.Run), "seatrial.attempt": strconv.Itoa(l.Attempt),
		"seatrial.expires": l.Expires.UTC().Format(time.RFC3339), "seatrial.app": name,
	}
	named := func(what string) swarmapi.Annotations {
		return swarmapi.Annotations{Name: name + "_" + what, Labels: labels}
	}
	network, err := h.client.NetworkCreate(ctx, name+"_proxy", client.NetworkCreateOptions{Driver: "overlay", Attachable: true, Labels: labels})
	if err != nil {
		return err
	}
	if _, err := h.client.VolumeCreate(ctx, client.VolumeCreateOptions{Name: name + "_data", Labels: labels}); err != nil {
		return err
	}
	secret, err := h.client.SecretCreate(ctx, client.SecretCreateOptions{Spec: swarmapi.SecretSpec{Annotations: named("key_v1"), Data: []byte("of no use any more")}})
	if err != nil {
		return err
	}
	config, err := h.client.ConfigCreate(ctx, client.ConfigCreateOptions{Spec: swarmapi.ConfigSpec{Annotations: named("conf_v1"), Data: []byte("TZ=UTC\n")}})
	if err != nil {
		return err
	}
	var replicas uint64
	if runs {
		replicas = 1
	}
	secretFile := swarmapi.SecretReferenceFileTarget{Name: "key", UID: "0", GID: "0", Mode: 0o444}
	configFile := swarmapi.ConfigReferenceFileTarget{Name: "/etc/guestbook.conf", UID: "0", GID: "0", Mode: 0o444}
	_, err = h.client.ServiceCreate(ctx, client.ServiceCreateOptions{Spec: swarmapi.ServiceSpec{
		Annotations: named("app"),
		Mode:        swarmapi.ServiceMode{Replicated: &swarmapi.ReplicatedService{Replicas: &replicas}},
		// Not every kernel has virtual addresses, and nobody asks for this one.
		EndpointSpec: &swarmapi.EndpointSpec{Mode: swarmapi.ResolutionModeDNSRR},
		TaskTemplate: swarmapi.TaskSpec{
			Networks: []swarmapi.NetworkAttachmentConfig{{Target: network.ID, Aliases: []string{"app"}}},
			ContainerSpec: &swarmapi.ContainerSpec{
				Image: guestbookImage + "1.2.0", Labels: labels,
				Mounts:  []mount.Mount{{Type: mount.TypeVolume, Source: name + "_data", Target: "/data"}},
				Secrets: []*swarmapi.SecretReference{{SecretID: secret.ID, SecretName: name + "_key_v1", File: &secretFile}},
				Configs: []*swarmapi.ConfigReference{{ConfigID: config.ID, ConfigName: name + "_conf_v1", File: &configFile}},
			},
		},
	}})
	return err
}
