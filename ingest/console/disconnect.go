package console

import (
	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/lists"
	"github.com/bigmind/backchannel/schemas"
)

// disconnectPage says what disconnecting does before it is done.
func (c *Console) disconnectPage(v *visit) (answer, error) {
	in := v.install(schemas.TeamID(v.r.PathValue("team")))
	if in == nil || c.opts.Disconnect == nil {
		return answer{}, errNotFound
	}
	var linked *redis.IntCmd
	err := ingest.Lookup(v.ctx(), c.opts.Redis, func(pipe redis.Pipeliner) {
		linked = lists.Count(v.ctx(), pipe, lists.Channels(v.org()), schemas.StateDone)
	})
	if err != nil {
		return answer{}, err
	}
	return answer{template: "disconnect", title: "Disconnect " + in.TeamName, data: struct {
		*schemas.Installation
		Linked int64
	}{in, linked.Val()}}, nil
}

func (c *Console) disconnect(v *visit) (answer, error) {
	in := v.install(schemas.TeamID(v.r.PathValue("team")))
	switch {
	case in == nil || c.opts.Disconnect == nil:
		return answer{}, errNotFound
	case !in.Active():
		return c.did(Home, didNothing)
	}
	begun := c.now()
	if err := c.opts.Disconnect(v.ctx(), v.org(), in.TeamID, v.me.UserID); err != nil {
		return answer{}, err
	}
	late := c.settle(v.ctx(), []change{{
		topic: schemas.SlackInstallations.Spec, key: schemas.TeamKey(in.TeamID), value: []byte{}, stamp: begun, view: schemas.ViewOrgInstalls(v.org()), field: string(in.TeamID),
	}})
	return c.did(Home, didDisconnect, late...)
}
