package processors

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// copartition balances as its protocol, cooperative-sticky, always does, except that partition n of Through has the owner of
// partition n of From. Group members that have not heard of it can be in the group, and lead it: then it is so from the first
// rebalance on that one of ours leads, after the last of them has gone.
type copartition struct {
	kgo.GroupBalancer
	*Repartition
}

func newCopartition(r *Repartition) kgo.GroupBalancer {
	return copartition{kgo.CooperativeStickyBalancer(), r}
}

// MemberBalancer makes the group's leader call Balance.
func (c copartition) MemberBalancer(members []kmsg.JoinGroupResponseMember) (kgo.GroupMemberBalancer, map[string]struct{}, error) {
	b, err := kgo.NewConsumerBalancer(c, members)
	if err != nil {
		return nil, nil, err
	}
	return b, b.MemberTopics(), nil
}

// Balance spreads the partitions of From, and has those of Through follow.
func (c copartition) Balance(b *kgo.ConsumerBalancer, topics map[string]int32) kgo.IntoSyncAssignment {
	sticky, ok := c.GroupBalancer.(kgo.ConsumerBalancerBalance)
	if !ok {
		panic("processors: franz-go's sticky balancer balances no longer") // a new version of it: every test of a processor says so
	}
	from, through := c.From.Name, c.Through.Name
	alike := topics[from] == topics[through]
	b.EachMember(func(_ *kmsg.JoinGroupResponseMember, meta *kmsg.ConsumerMemberMetadata) {
		alike = alike && slices.Contains(meta.Topics, from) && slices.Contains(meta.Topics, through)
	})
	if !alike {
		return sticky.Balance(b, topics)
	}
	plan, ok := sticky.Balance(b, map[string]int32{from: topics[from]}).(*kgo.BalancePlan)
	if !ok {
		return sticky.Balance(b, topics)
	}
	for _, assigned := range plan.AsMemberIDMap() {
		if parts := assigned[from]; len(parts) > 0 {
			assigned[through] = slices.Clone(parts)
		}
	}
	plan.AdjustCooperative(b) // what another member still has is its own until it has given it up
	return plan
}
