package page

// strangersShown bounds what the first page says of repositories that are not enrolled:
// the hook of a whole organisation sends those of all of them.
const strangersShown = 20

type strangerRow struct {
	Stranger
	When moment
}

// strangers are the latest, and how many more there are.
func (p *Pages) strangers() (rows []strangerRow, more int) {
	all := p.Strangers()
	for _, s := range all[:min(len(all), strangersShown)] {
		rows = append(rows, strangerRow{s, p.at(s.Last)})
	}
	return rows, len(all) - len(rows)
}
