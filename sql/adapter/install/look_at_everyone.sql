-- Others may be wanted now, or elsewhere: no note says so of those who were there before.
select listener.note_blindly('profiles', 'install', '00000');
