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

REFUSED = {
    "an array of members": (ACCEPTED["an array of members"], "no index finds rows by one of the elements in members"),
    "a rank": (ACCEPTED["a rank, looked at as a whole"], "a window function that is not PARTITION BY this column"),
    "a teacher, of any course": (
        f"""select p.id, c.id from profiles p {ALL} exists (
            select from profiles t where t.teaches = c.id and t.role = 'teacher')""",
        "nothing says which profiles a row of public.profiles is about: no equality",
    ),
    "a default row where the key is null": (
        f"""select p.id, c.id from profiles p
        inner join organisations o on o.id = p.org_id or (p.org_id is null and o.is_default) {ALL} o.plan = 'gold'""",
        "nothing says which profiles a row of public.organisations is about",
    ),
    "the first ten": (
        "select q.id, c.id from (select id from profiles order by id limit 10) as q cross join courses c",
        "the profile's key comes out of LIMIT",
    ),
    "what an outer join may lack": (
        f"""select m.profile_id, c.id from profiles p left join organisations o on o.id = p.org_id
        inner join memberships m on m.organisation_id = coalesce(o.parent_id, 1) {ALL} true""",
        "nothing says which profiles a row of public.organisations is about",
    ),
    "a lack that concerns everyone": (
        f"""select p.id, c.id from profiles p cross join organisations o {ALL} o.is_default and not exists (
            select from memberships m where m.organisation_id = o.id and m.profile_id = p.id)""",
        "nothing says which profiles a row of public.organisations is about",
    ),
    "more than the average": (
        f"select y.profile_id, c.id from payments y {ALL} y.amount > (select avg(z.amount) from payments z)",
        "nothing says which profiles a row of public.payments is about",
    ),
    "a range": (
        f"select p.id, c.id from profiles p inner join organisations o on o.id < p.org_id {ALL} true",
        "nothing says which profiles a row of public.organisations is about",
    ),
    "not in, of what may be null": (
        f"select p.id, c.id from profiles p {ALL} p.id not in (select b.profile_id from bans b)",
        "NOT IN",
    ),
    "not in": (
        f"select p.id, c.id from profiles p {ALL} p.id not in (select b.profile_id from passes b)",
        "NOT IN or ALL is answered by the whole table; write it as NOT EXISTS",
    ),
    "exists below or": (
        f"select p.id, c.id from profiles p {ALL} c.plan = 'free' or exists ({PAYS} = p.id)",
        "EXISTS or IN that is no condition by itself (below OR, say) may be answered by the whole table",
    ),
    "exists as a value": (
        f"""select q.id, c.id from (
            select p.id, exists (select from payments y where y.profile_id = p.parent_id) as pays from profiles p
        ) as q {ALL} q.pays""",
        "EXISTS or IN that is no condition by itself",
    ),
    "a function that is not immutable": (
        f"select p.id, c.id from profiles p inner join payments y on y.email = concat(p.name, '@') {ALL} true",
        "a function whose answer may change stands in the way",
    ),
    "a collation": (
        f'select p.id, c.id from profiles p inner join payments y on y.email = p.email collate "C" {ALL} true',
        "COLLATE stands in the way",
    ),
    "an aggregate of another level": (
        f"""select m.organisation_id, c.id from memberships m {ALL} true group by m.organisation_id, c.id
        having exists (select from payments y where y.profile_id = max(m.profile_id) and y.paid)""",
        "an aggregate stands in the way",
    ),
    "except": (
        f"""select p.id, c.id from profiles p {ALL} true
        except select b.profile_id, b.course_id from bans b""",
        "EXCEPT stands in the way",
    ),
    "a full join": (
        f"""select coalesce(m.profile_id, y.profile_id), c.id
        from memberships m full join payments y on y.profile_id = m.profile_id {ALL} true""",
        "COALESCE, or FULL JOIN, stands in the way",
    ),
    "with, read twice": (
        f"""with payer as (select profile_id from payments where paid)
        select p.id, c.id from profiles p inner join payer on payer.profile_id = p.id
        inner join payer as other on other.profile_id = p.parent_id {ALL} true""",
        "WITH payer, which is computed as a whole for being read twice",
    ),
    "a sum, joined": (
        f"""select p.id, c.id from profiles p
        inner join (select profile_id, sum(amount) as paid from payments group by profile_id) as y on y.profile_id =
        p.id
        {ALL} y.paid > 5""",
        "an aggregate over everyone stands in the way",
    ),
    "no index": (
        f"select p.id, c.id from profiles p inner join payments y on y.amount = p.id {ALL} y.paid",
        "no index begins with amount",
    ),
    "no index on what a route goes by": (
        f"select p.id, c.id from profiles p inner join organisations o on o.plan = p.name {ALL} true",
        "no index begins with name",
    ),
    "one's own array": (
        f"select p.id, c.id from profiles p inner join organisations o on o.plan = any (p.tags) {ALL} true",
        "an array, of which each element is compared, stands in the way",
    ),
    "arrays": (
        f"select p.id, c.id from profiles p inner join organisations o on o.members = array[p.id] {ALL} true",
        "a comparison of type bigint[], which no note can hold, stands in the way",
    ),
    "or": (
        f"""select p.id, c.id from profiles p inner join payments y on y.profile_id = p.id or y.email = p.email
        {ALL} y.paid""",
        "OR stands in the way",
    ),
    "a case": (
        f"""select p.id, c.id from profiles p
        inner join payments y on y.profile_id = case when p.role = 'student' then p.parent_id else p.id end {ALL}
        y.paid""",
        "a CASE stands in the way",
    ),
    "values": (
        f"""select p.id, c.id from profiles p cross join lateral (values (p.id), (p.parent_id)) as v(id)
        inner join payments y on y.profile_id = v.id {ALL} y.paid""",
        "a function or VALUES in FROM stands in the way",
    ),
    "an operator that reads": (
        f"select p.id, c.id from profiles p inner join payments y on y.profile_id = p.id {ALL} p.parent_id ===> 2",
        "public.has_paid(bigint,integer) may read tables that are not seen",
    ),
    "an aggregate that reads": (
        f"select p.id, c.id from profiles p {ALL} true group by p.id, c.id having any_pays(p.parent_id)",
        "public.or_pays(boolean,bigint) may read tables that are not seen",
    ),
    "a function of any type": (
        f"select p.id, c.id from profiles p {ALL} pays_once(p.parent_id)",
        "public.pays_once(anyelement) may read tables that are not seen",
    ),
    "a promise": (
        f"select p.id, c.id from profiles p {ALL} promises(p.parent_id)",
        "public.promises(bigint) may read tables that are not seen",
    ),
    "a promise of another's": (
        f"select p.id, c.id from profiles p {ALL} promises_by_another(p.parent_id)",
        "public.promises_by_another(bigint) may read tables that are not seen",
    ),
    "a promise of any type": (
        f"select p.id, c.id from profiles p {ALL} promises_of_any_type(p.parent_id)",
        "public.promises_of_any_type(anyelement) may read tables that are not seen",
    ),
    "a text that is run": (
        f"select p.id, c.id from profiles p {ALL} executes(p.parent_id)",
        "public.executes(bigint) may read tables that are not seen",
    ),
    "a schema as XML": (
        f"select p.id, c.id from profiles p {ALL} schema_to_xml('public', true, true, '') is not null",
        "schema_to_xml(name,boolean,boolean,text) may read tables that are not seen",
    ),
    "an unlogged table": (
        f"select p.id, c.id from profiles p inner join seen on seen.profile_id = p.id {ALL} true",
        "public.seen has no triggers that see every change",
    ),
    "a field of a composite value": (
        f"select p.id, c.id from profiles p inner join organisations o on o.id = (p.address).org {ALL} true",
        "a field of a composite value stands in the way",
    ),
    "an element": (
        f"select p.id, c.id from profiles p inner join organisations o on o.members[1] = p.id {ALL} true",
        "an element of an array, or of JSON, stands in the way",
    ),
    "a row's number": (
        f"select p.id, c.id from profiles p {ALL} p.xmin::text::bigint % 2 = 0",
        "reads a system column (ctid, xmin, tableoid and the like)",
    ),
    "the limit of a union": (
        f"""select p.id, c.id from profiles p inner join bans x on x.profile_id = p.id {ALL} exists (
            (select from payments y where y.profile_id = p.id union all select from passes y where y.profile_id = p.id)
            offset (select count(*) from bans where course_id = 1))""",
        "an aggregate over all rows stands in the way",
    ),
    "a recursion over another WITH": (
        """with recursive a as (select id, parent_id from organisations), t as (
            select p.id as person, p.org_id as org from profiles p
            union select t.person, a.parent_id from t inner join a on a.id = t.org)
        select t.person, c.id from t inner join profiles q on q.id = t.person
        inner join organisations own on own.id = q.org_id inner join courses c on c.org_id = t.org""",
        "WITH RECURSIVE over another WITH is not followed",
    ),
    "rows with numbers": (
        f"select u.person, c.id from payers() with ordinality as u(person, place) {ALL} u.place < 3",
        "the profile's key is a function that reads tables",
    ),
    "rows of a promise": (
        f"select payers(), c.id from organisations o {ALL} o.is_default",
        "the profile's key is a function that reads tables",
    ),
    "not one of an empty array": (
        f"""select p.id, c.id from profiles p cross join payments y
        left join organisations o on o.id = p.org_id and y.profile_id = p.id
        {ALL} y.paid and not (o.plan = any (p.tags))""",
        "nothing says which profiles a row of public.payments is about: an outer join",
    ),
    "rights": (
        f"select p.id, c.id from profiles p {ALL} has_table_privilege('payments', 'select')",
        "calls has_table_privilege(text,text), whose answer depends on the session or the server",
    ),
    "statistics": (
        f"""select p.id, c.id from profiles p inner join payments y on y.profile_id = p.id
        {ALL} pg_stat_get_live_tuples('payments'::regclass) > 3""",
        "calls pg_stat_get_live_tuples(oid), whose answer depends on the session or the server",
    ),
    "a table that inherits": (
        f"select p.id, c.id from profiles p inner join heirs h on h.id = p.parent_id {ALL} true",
        "has no triggers that see every change",
    ),
    "the session": (
        f"select p.id, c.id from profiles p {ALL} p.name = current_setting('app.name')",
        "calls current_setting(text), whose answer depends on the session",
    ),
    "the role": (f"select p.id, c.id from profiles p {ALL} p.name = current_user", "asks for the session's role"),
    "a sample": ("select p.id, c.id from profiles p tablesample system (50) cross join courses c", "TABLESAMPLE"),
    "the day of the installation": (
        f"select y.profile_id, c.id from payments y {ALL} y.at = 'today'",
        "says 'today', which would stay the day of this installation: write current_date",
    ),
}
"""With words that say why."""
