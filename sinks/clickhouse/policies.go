package clickhouse

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// policies keeps, of each organization's settings, how long it keeps what is said.
func policies() *table {
	var org values[string]
	var messages, wordings, dissociated values[uint32]
	var version values[uint64]
	var gone values[uint8]
	columns := []column{
		org.as("org_id"), messages.as("message_days"), wordings.as("version_days"), dissociated.as("dissociated_days"), version.as("version"), gone.as("is_deleted"),
	}
	return newTable("retention_policies", columns, func(rec *kgo.Record) error {
		of := schemas.OrgID(rec.Key)
		var v schemas.OrgSettings
		if rec.Value != nil {
			var err error
			if v, err = schemas.OrgsSettings.Decode(rec.Value); err != nil {
				return err
			}
		} else {
			v.OrgID = of
		}
		if of == "" || v.OrgID != of {
			return errors.New("the key of a record of org.settings must be org, the same as in its value")
		}
		var days schemas.Retention
		if v.Retention != nil {
			days = *v.Retention
		}
		org.add(string(of))
		messages.add(uint32(days.MessageDays))
		wordings.add(uint32(days.VersionDays))
		dissociated.add(uint32(days.DissociatedDays))
		version.add(order(rec))
		gone.add(flag(v.Retention == nil))
		return nil
	})
}
