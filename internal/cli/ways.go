package cli

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"seatrial/bridge/schedule"
	"seatrial/internal/exit"
	"seatrial/recipes"
)

// waysOptions are about runs that no comment asks for.
type waysOptions struct {
	Schedule string `help:"When the default branch of each recipe is tested again, unless its enrolment says otherwise: nightly, weekly, off, or a cron expression in the local time zone. Nightly and weekly choose a time of the night by the recipe's name." default:"off" placeholder:"WHEN"`
	Night    string `help:"Between which times of the day nightly and weekly runs begin, on this machine's clock." default:"01:00-05:00" placeholder:"FROM-TO"`
}

func (o waysOptions) check() error {
	if err := recipes.ScheduleProblem(o.Schedule); err != nil {
		return exit.Errorf(exit.Usage, "--schedule: %w", err)
	}
	_, err := o.night()
	return exit.With(exit.Usage, err)
}

func (o waysOptions) night() (schedule.Night, error) {
	if o.Night == "" {
		return schedule.DefaultNight, nil
	}
	from, to, ok := strings.Cut(o.Night, "-")
	begins, err := time.Parse("15:04", from)
	ends, errTo := time.Parse("15:04", to)
	if !ok || err != nil || errTo != nil {
		return schedule.Night{}, fmt.Errorf("--night %q is not two times of a day: write it like 01:00-05:00", o.Night)
	}
	midnight := begins.Truncate(24 * time.Hour)
	night := schedule.Night{From: begins.Sub(midnight), To: ends.Sub(midnight)}
	if err := night.Check(); err != nil {
		return night, fmt.Errorf("--night %q: %w", o.Night, err)
	}
	return night, nil
}

// hookOptions say how webhooks are received.
type hookOptions struct {
	TrustProxy []string `help:"Address or network of a proxy in front of this server, such as 10.0.0.0/8: its X-Forwarded-For is believed when webhooks are limited by address, and its connections do not count as those of one client." placeholder:"ADDRESS"`
	HookSHA1   []string `name:"hook-sha1" help:"Id of a forge whose webhooks may be signed with SHA-1 only, as old ones are." placeholder:"ID"`
}

// proxies are the networks of --trust-proxy.
func (o hookOptions) proxies() (all []netip.Prefix, err error) {
	for _, text := range o.TrustProxy {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			var addr netip.Addr
			if addr, err = netip.ParseAddr(text); err == nil {
				network = netip.PrefixFrom(addr, addr.BitLen())
			}
		}
		if err != nil {
			return nil, exit.Errorf(exit.Usage, "--trust-proxy %q is neither an address nor a network: write it like 10.0.0.7 or 10.0.0.0/8", text)
		}
		all = append(all, network)
	}
	return all, nil
}
