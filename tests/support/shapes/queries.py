"""Queries of every shape, in which a row about one profile may decide on another."""

ALL = "cross join courses c where"
PAYS = "select from payments y where y.profile_id"

ACCEPTED = {
    # Those that were accepted once, and not followed:
    "a parent's payment": f"""
        select p.id, c.id from profiles p inner join payments y on y.profile_id = p.parent_id {ALL} y.paid""",
    "the organisation owner's subscription": f"""
        select p.id, c.id from profiles p inner join organisations o on o.id = p.org_id
        inner join subscriptions s on s.profile_id = o.owner_id {ALL} s.active""",
    "who referred two others": f"""
        select p.id, c.id from profiles p {ALL} (select count(*) from profiles r where r.referred_by = p.id) >= 2""",
    "a family member pays": f"""
        select p.id, c.id from profiles p inner join profiles m on m.family_id = p.family_id
        inner join payments y on y.profile_id = m.id {ALL} y.paid""",
    "two of the same school": f"""
        select p.id, c.id from profiles p {ALL} (select count(*) from profiles r where r.school = p.school) = 2""",
    "a parent organisation's plan": f"""
        select p.id, c.id from profiles p inner join organisations o on o.id = p.org_id
        inner join organisations above on above.id = o.parent_id {ALL} above.plan = 'gold'""",
    "coalesce of a key": f"""
        select p.id, c.id from profiles p inner join organisations o on o.id = coalesce(p.org_id, 1) {ALL} o.plan =
        'gold'""",
    "the course of my organisation has a teacher": """
        select p.id, c.id from profiles p inner join courses c on c.org_id = p.org_id
        where exists (select from profiles t where t.teaches = c.id and t.role = 'teacher')""",
    # Joins:
    "everyone in published courses": "select p.id, c.id from profiles p cross join courses c where c.published",
    "my organisation's course": "select p.id, c.id from profiles p inner join courses c on c.org_id = p.org_id",
    "by a category": """
        select p.id, c.id from profiles p inner join courses c on c.org_id = p.org_id
        inner join categories g on g.id = c.category_id where g.open""",
    "by a category, for everyone": f"""
        select p.id, c.id from profiles p {ALL} exists (select from categories g where g.id = c.category_id and
        g.open)""",
    "a plan": """
        select y.profile_id, c.id from payments y inner join courses c on c.plan = y.plan where y.paid""",
    "no profiles at all": """
        select m.profile_id, c.id from memberships m inner join courses c on c.org_id = m.organisation_id""",
    "using": f"""
        select p.id, c.id from (select id, org_id as organisation_id from profiles) as p
        inner join (select organisation_id, role from memberships) as m using (organisation_id) {ALL} m.role =
        'admin'""",
    "natural": f"""
        select p.profile_id, c.id from (select id as profile_id from profiles) as p
        natural join (select profile_id, role from memberships) as m {ALL} m.role = 'admin'""",
    "a left join, asked for its lack": f"""
        select p.id, c.id from profiles p left join bans b on b.profile_id = p.id {ALL} b.profile_id is null""",
    "a left join that matters only inside": """
        select p.id, c.id from profiles p left join organisations o on o.id = p.org_id
        inner join courses c on c.plan = o.plan""",
    "a left join that matters not at all": f"""
        select p.id, c.id from profiles p left join organisations o on o.id = p.org_id
        {ALL} c.plan in ('free', o.plan)""",
    "a left join below another": f"""
        select p.id, c.id from profiles p
        left join (memberships m inner join organisations o on o.id = m.organisation_id) on m.profile_id = p.id
        {ALL} c.plan = coalesce(o.plan, 'free')""",
    "a right join": f"""
        select p.id, c.id from payments y right join profiles p on p.id = y.profile_id {ALL} y.paid is not true""",
    "lower on both sides": f"""
        select p.id, c.id from profiles p inner join payments y on lower(y.email) = lower(p.email) {ALL} y.paid""",
    "text and varchar": f"""
        select p.id, c.id from profiles p inner join payments y on y.email = p.email {ALL} y.paid""",
    "an immutable function of the LMS's": f"""
        select p.id, c.id from profiles p inner join payments y on norm(y.email) = norm(p.email) {ALL} y.paid""",
    "a part of an e-mail address": f"""
        select p.id, c.id from profiles p inner join organisations o on o.domain = split_part(p.email, '@', 2)
        {ALL} o.plan = 'gold'""",
    "a key in jsonb": f"""
        select p.id, c.id from profiles p inner join organisations o on o.id = (p.data ->> 'org')::bigint
        {ALL} o.plan = 'gold'""",
    "two columns": """
        select m.profile_id, c.id from memberships m
        inner join courses c on c.org_id = m.organisation_id
        inner join payments y on y.profile_id = m.profile_id and y.plan = c.plan""",
    "a row of columns": f"""
        select p.id, c.id from profiles p {ALL} (p.id, c.id) in (select b.profile_id, b.course_id from bans b)""",
    # Arrays:
    "an array of members": f"""
        select p.id, c.id from organisations o inner join profiles p on p.id = any (o.members) {ALL} o.plan = 'gold'""",
    "an array of members, unnested": f"""
        select m.person, c.id from organisations o cross join unnest(o.members) as m(person) {ALL} o.plan = 'gold'""",
    "unnested in SELECT": """
        select unnest(o.members), c.id from organisations o inner join courses c on c.plan = o.plan""",
    "an array of tags": "select p.id, c.id from profiles p inner join courses c on c.plan = any (p.tags)",
    "an array subquery": """
        select p.id, c.id from profiles p
        inner join courses c on c.org_id = any (array(select m.organisation_id from memberships m where m.profile_id
        = p.id))
        """,
    # Subqueries:
    "exists": f"select p.id, c.id from profiles p {ALL} exists ({PAYS} = p.id and y.paid)",
    "not exists": f"select p.id, c.id from profiles p {ALL} not exists ({PAYS} = p.id and y.paid)",
    "exists over a join": f"""
        select p.id, c.id from profiles p {ALL} exists (
            select from memberships m inner join organisations o on o.id = m.organisation_id
            where m.profile_id = p.id and o.plan = 'gold')""",
    "not exists over a join": f"""
        select p.id, c.id from profiles p {ALL} not exists (
            select from memberships m inner join organisations o on o.id = m.organisation_id
            where m.profile_id = p.id and o.plan = c.plan)""",
    "exists in exists": f"""
        select p.id, c.id from profiles p {ALL} exists (
            select from memberships m where m.profile_id = p.id and exists (
                select from organisations o where o.id = m.organisation_id and o.plan = c.plan))""",
    "not exists in not exists": f"""
        select p.id, c.id from profiles p {ALL} not exists (
            select from memberships m where m.profile_id = p.id and not exists (
                select from organisations o where o.id = m.organisation_id and o.plan = c.plan))""",
    "in": f"select p.id, c.id from profiles p {ALL} p.id in (select y.profile_id from payments y where y.paid)",
    "in, of a parent": f"""
        select p.id, c.id from profiles p {ALL} p.parent_id in (select y.profile_id from payments y where y.paid)""",
    "any": f"""
        select p.id, c.id from profiles p {ALL} p.org_id = any (select o.id from organisations o where o.is_default)""",
    "the latest": f"""
        select p.id, c.id from profiles p
        {ALL} c.plan = (select y.plan from payments y where y.profile_id = p.id order by y.amount desc, y.id limit
        1)""",
    "the latest, lateral": """
        select p.id, c.id from profiles p
        cross join lateral (select y.plan from payments y where y.profile_id = p.id order by y.amount desc, y.id
        limit 1) as y
        inner join courses c on c.plan = y.plan""",
    "the latest by DISTINCT ON": """
        select y.profile_id, c.id
        from (select distinct on (profile_id) profile_id, plan from payments order by profile_id, amount desc, id) as y
        inner join courses c on c.plan = y.plan""",
    "the latest by a window": """
        select y.profile_id, c.id
        from (
            select profile_id, plan, row_number() over (partition by profile_id order by amount desc, id) as place
            from payments
        ) as y
        inner join courses c on c.plan = y.plan where y.place = 1""",
    "a sum of one's own": """
        select y.profile_id, c.id from (select profile_id, sum(amount) as paid from payments group by profile_id) as y
        cross join courses c where y.paid > 5""",
    "a sum, having": """
        select y.profile_id, c.id from payments y inner join courses c on c.plan = y.plan
        group by y.profile_id, c.id having sum(y.amount) > 3 and bool_and(y.paid)""",
    "a sum by a lateral": f"""
        select p.id, c.id from profiles p
        cross join lateral (select sum(y.amount) as paid from payments y where y.profile_id = p.id) as y {ALL}
        y.paid > 5""",
    "how many of my organisation pay": f"""
        select p.id, c.id from profiles p {ALL} (
            select count(*) from profiles r inner join payments y on y.profile_id = r.id
            where r.org_id = p.org_id and y.paid) > 1""",
    "select true below or": f"""
        select p.id, c.id from profiles p
        {ALL} c.plan = 'free' or (select true from payments y where y.profile_id = p.id and y.paid limit 1)""",
    "a case": f"""
        select p.id, c.id from profiles p
        {ALL} case when p.role = 'student' then (select o.plan from organisations o where o.id = p.org_id) end =
        c.plan""",
    "not banned, or": f"""
        select p.id, c.id from profiles p left join bans b on b.profile_id = p.id
        {ALL} b.course_id is distinct from c.id""",
    # Several queries:
    "union": """
        select p.id, c.id from profiles p inner join courses c on c.org_id = p.org_id
        union select y.profile_id, c.id from payments y inner join courses c on c.plan = y.plan where y.paid""",
    "union all, in from": f"""
        select q.person, c.id from (
            select profile_id as person from memberships where role = 'admin'
            union all select owner_id from organisations
        ) as q {ALL} c.published""",
    "intersect": f"""
        select p.id, c.id from profiles p {ALL} c.plan = 'gold'
        intersect select y.profile_id, c.id from payments y inner join courses c on c.plan = y.plan""",
    "with": """
        with payer as (select profile_id, plan from payments where paid)
        select payer.profile_id, c.id from payer inner join courses c on c.plan = payer.plan""",
    "with, not materialized, twice": f"""
        with payer as not materialized (select profile_id from payments where paid)
        select p.id, c.id from profiles p inner join payer on payer.profile_id = p.id
        inner join payer as other on other.profile_id = p.parent_id {ALL} true""",
    "or of three tables": f"""
        select p.id, c.id from profiles p {ALL} exists (select from payments y, memberships m where
            y.profile_id = p.id and m.profile_id = p.id)""",
    # Views and functions of the LMS's:
    "a view": "select v.person, c.id from paying v inner join courses c on c.plan = v.plan",
    "a view of a view": """
        select p.id, c.id from profiles p inner join paying_orgs v on v.id = p.org_id inner join courses c on c.plan
        = v.plan""",
    "a function": f"select p.id, c.id from profiles p {ALL} is_member(p.id)",
    "a function, of a parent": f"select p.id, c.id from profiles p {ALL} not is_member(p.parent_id)",
    "a function in FROM": """
        select p.id, c.id from profiles p cross join orgs_of(p.id) as o(id) inner join courses c on c.org_id = o.id""",
    "a function, with a default": f"select p.id, c.id from profiles p {ALL} has_paid(p.parent_id)",
    "a function, by the names of its arguments": f"""
        select p.id, c.id from profiles p {ALL} has_paid(at_least => p.org_id::integer, person => p.parent_id)""",
    "a function that is immutable, and reads": f"""
        select p.id, c.id from profiles p {ALL} promises_and_reads(p.parent_id)""",
    "a function that reads nothing": f"select p.id, c.id from profiles p {ALL} reads_nothing(p.email) <> 'p1@'",
    # Of kinds that the others are not:
    "a frame of a window": f"""
        select y.profile_id, c.id
        from (
            select
                profile_id,
                sum(amount) over (partition by profile_id order by id rows between 1 preceding and current row) as paid
            from payments
        ) as y
        {ALL} y.paid > 5""",
    "the first, with ties": """
        select p.id, c.id from profiles p
        cross join lateral (
            select y.plan from payments y where y.profile_id = p.id order by y.amount fetch first 1 row with ties
        ) as y
        inner join courses c on c.plan = y.plan""",
    "the eldest of a family": f"""
        select p.id, c.id from profiles p
        {ALL} not exists (select from profiles s where s.family_id = p.family_id and s.id < p.id)""",
    "exists in the ON of a left join": f"""
        select p.id, c.id from profiles p left join organisations o on o.id = p.org_id and exists (
            select from memberships m where m.organisation_id = o.id and m.profile_id = p.parent_id)
        {ALL} o.id is null""",
    "the plan of most payments": """
        select p.id, c.id from profiles p cross join lateral (
            select mode() within group (order by y.plan) as plan from payments y where y.profile_id = p.id) as y
        inner join courses c on c.plan = y.plan""",
    "a row as text": f"""
        select p.id, c.id from profiles p inner join payments y on y.profile_id = p.parent_id {ALL} y::text like
        '%gold%'""",
    "all of a parent's": f"""
        select p.id, c.id from profiles p
        {ALL} c.id > all (select y.amount from payments y where y.profile_id = p.parent_id)""",
    "two kinds, in exists": f"""
        select p.id, c.id from profiles p {ALL} exists (
            select y.profile_id from payments y where y.profile_id = p.id and y.paid
            union select m.profile_id from memberships m where m.profile_id = p.parent_id)""",
    "a limit that is counted": f"""
        select p.id, c.id from profiles p {ALL} c.plan in (
            select y.plan from payments y where y.profile_id = p.id order by y.id
            limit (select count(*) from bans b where b.profile_id = p.id))""",
    "the course as a value": """
        select p.id, (select c.id from courses c where c.org_id = p.org_id order by c.id limit 1) from profiles p""",
    "an aggregate beside another": f"""
        select m.profile_id, c.id from memberships m {ALL} true group by m.profile_id, c.id
        having (select sum(y.amount) from payments y where y.profile_id = m.profile_id) > count(*)""",
    "lacks, one in another": f"""
        select p.id, c.id from profiles p left join bans b on b.profile_id = p.id
        left join passes s on s.profile_id = p.parent_id and s.course_id = b.course_id {ALL} s.profile_id is null""",
    # Where LISTENER_WATCH says it:
    "a rank, looked at as a whole": """
        select r.id, c.id from (select id, rank() over (order by school) as place from profiles) as r
        cross join courses c where r.place < 3""",
}

ALWAYS = list(ACCEPTED)[:8]
"""Those that were not followed once."""

WATCH = {
    "a rank, looked at as a whole": "profiles(everyone)",
}

PLAN = {
    "an array of members": "any",
    "an array of members, unnested": "any",
    "unnested in SELECT": "any",
}
"""Where no index leads from a profile to the rows that decide on it, and that is said to be fine."""
