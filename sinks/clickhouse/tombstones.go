package clickhouse

import (
	"context"
	"fmt"
)

// A tombstone has its team in its key, and no organization. Without one its row would be no organization's: a row policy on org_id would hide it, and what it
// takes away would be there again for those who have the policy. So it gets the organization that the team has had last: within the batch, else in ClickHouse.

const orgsOfTeams = `SELECT team_id, argMax(org_id, version) FROM
(
    SELECT team_id, org_id, version FROM channel_associations WHERE org_id != '' AND team_id IN ?
    UNION ALL SELECT team_id, org_id, version FROM slack_channels WHERE org_id != '' AND team_id IN ?
    UNION ALL SELECT team_id, org_id, version FROM slack_users WHERE org_id != '' AND team_id IN ?
)
GROUP BY team_id`

// nameOrgs fills in the organizations of tombstones.
func (s *Sink) nameOrgs(ctx context.Context) error {
	known, missing := map[string]string{}, map[string]bool{}
	for _, t := range s.order {
		if t.orgs == nil {
			continue
		}
		for i, org := range *t.orgs {
			if team := (*t.teams)[i]; org != "" {
				known[team] = org
			} else {
				missing[team] = true
			}
		}
	}
	var ask []string
	for team := range missing {
		if known[team] == "" {
			ask = append(ask, team)
		}
	}
	if len(ask) > 0 {
		if err := s.lookUpOrgs(ctx, ask, known); err != nil {
			return fmt.Errorf("look up the organizations of %d teams: %w", len(ask), err)
		}
	}
	for _, t := range s.order {
		if t.orgs == nil {
			continue
		}
		for i, org := range *t.orgs {
			if org == "" {
				(*t.orgs)[i] = known[(*t.teams)[i]]
			}
		}
	}
	return nil
}

func (s *Sink) lookUpOrgs(ctx context.Context, teams []string, known map[string]string) error {
	rows, err := s.conn.Query(ctx, orgsOfTeams, teams, teams, teams)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // Err tells what matters
	for rows.Next() {
		var team, org string
		if err := rows.Scan(&team, &org); err != nil {
			return err
		}
		known[team] = org
	}
	return rows.Err()
}
