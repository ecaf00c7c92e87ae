"""Queries that are refused as rules."""

from tests.support.shapes.queries import ACCEPTED, ALL, PAYS

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
