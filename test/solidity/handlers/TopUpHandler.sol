// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BaseTest} from "../../../contracts/testing/BaseTest.t.sol";
import {Plimsoll} from "../PlimsollSetup.sol";
import {StandingTopUp} from "../../../contracts/automation/StandingTopUp.sol";
import {Instruction, SourceKind} from "../../../contracts/interfaces/IStandingTopUp.sol";
import {ITransferHook} from "../../../contracts/mocks/CallbackToken.sol";
import {HostileShares} from "../../../contracts/mocks/HostileShares.sol";
import {MockShares} from "../../../contracts/mocks/MockShares.sol";
import {MockToken} from "../../../contracts/mocks/MockToken.sol";
import {AccountId, accountIdOf} from "../../../contracts/types/AccountId.sol";
import {Trade} from "../../../contracts/types/Trade.sol";

/// @title TopUpHandler
/// @notice Three owners, each with a wallet, two accounts and shares of an honest and of a hostile vault, and whoever
/// executes what they instructed: see TopUpChecks for what it must come to. Between top-ups prices, prices of shares and
/// time move, sources are filled and emptied, positions change, and instructions are replaced and cancelled.
abstract contract TopUpHandler is BaseTest, ITransferHook {
    uint256 internal constant WAD = 1e18;
    uint256 internal constant UNIT = 1e12;
    uint256 internal constant OWNERS = 3;
    uint256 internal constant NUMBERS = 2;

    /// @dev What an instruction moved, for a ledger of its own [token], [unix seconds].
    struct Entry {
        uint256 amount;
        uint256 time;
    }

    /// @dev Only the handler calls this, to see what is refused.
    error NotTheHandler(address caller);

    Plimsoll internal _system;
    StandingTopUp internal _topUps;
    MockToken internal _usdc;
    MockShares internal _honest;
    HostileShares internal _hostile;
    address[] internal _owners;
    address[] internal _callers;
    AccountId internal _house = accountIdOf(makeAddr("house"), 0);

    /// @dev What was moved since an instruction was left, by account and number; and instructions as they were left.
    mapping(AccountId account => mapping(uint8 number => Entry[] entries)) internal _ledger;
    mapping(AccountId account => mapping(uint8 number => Instruction instruction)) internal _left;

    /// @notice What happened how often.
    mapping(bytes32 name => uint256 count) public calls;
    /// @notice All acts.
    uint256 public acts;
    /// @notice Sent to the contract by mistake [token].
    uint256 public donated;

    constructor(Plimsoll memory system, StandingTopUp topUps, MockShares honest, HostileShares hostile) {
        (_system, _topUps, _usdc) = (system, topUps, system.tokens[0]);
        (_honest, _hostile) = (honest, hostile);
        _callers = [makeAddr("caller"), makeAddr("other caller")];
        _give(_house, 10_000_000e6);
        for (uint256 i = 0; i < OWNERS; ++i) {
            address owner = makeAddr(string.concat("owner ", vm.toString(i)));
            _owners.push(owner);
            _give(_accountOf(i, 0), 3_000e6);
            _give(_accountOf(i, 1), 4_000e6);
            vm.startPrank(owner);
            _usdc.approve(address(topUps), type(uint256).max);
            honest.approve(address(topUps), type(uint256).max);
            hostile.approve(address(topUps), type(uint256).max);
            system.vault.setOperator(address(topUps), 6, type(uint40).max);
            vm.stopPrank();
        }
    }

    /// @notice Positions against the house, once the handler is a venue, and instructions of all kinds.
    function begin() external {
        for (uint256 i = 0; i < OWNERS; ++i) {
            _clear(_accountOf(i, 0), 10e18);
            for (uint256 source = 0; source < 4; ++source) fill(i, source, 3_000e6);
            for (uint256 number = 0; number < NUMBERS; ++number) {
                instruct(i, number, NUMBERS * i + number, 1.5e18, uint256(keccak256(abi.encode(i, number))));
            }
        }
    }

    // What owners do

    /// @dev Budgets from nothing to more than any need; triggers from the line to above the initial requirement.
    function instruct(uint256 owner, uint256 number, uint256 kind, uint256 trigger, uint256 seed) public {
        ++acts;
        (owner, kind) = (owner % OWNERS, kind % 6);
        Instruction memory instruction;
        instruction.kind =
            kind == 0
                ? SourceKind.Wallet
                : kind == 1
                    ? SourceKind.SubAccount
                    : SourceKind.Shares;
        instruction.until = uint40(block.timestamp + (seed % 4 == 0 ? 0 : bound(seed, 0, 40) * 1 hours));
        instruction.triggerHealth = uint80(bound(trigger, 1e18, 2.5e18));
        instruction.targetHealth = uint80(instruction.triggerHealth + bound(seed, 0.05e18, 1e18));
        instruction.windowSeconds = uint48(bound(seed >> 8, 60, 12 hours));
        instruction.budget = uint128(bound(seed >> 16, 1, 2_000e6));
        instruction.tipLimit = uint128(bound(seed >> 24, 0, instruction.budget > 20e6 ? 20e6 : instruction.budget));
        if (kind == 1) instruction.source = AccountId.unwrap(_accountOf(owner, 1));
        // Two in six are honest shares, and two are hostile.
        if (kind > 1) instruction.source = bytes32(uint256(uint160(address(_honest))));
        if (kind > 3) instruction.source = bytes32(uint256(uint160(address(_hostile))));
        if (kind > 1) instruction.leastAssetsPerShare = uint128(bound(seed >> 32, 0.7e18, 1.05e18));
        (AccountId account, uint8 place) = (_accountOf(owner, 0), uint8(number % NUMBERS));
        if (_left[account][place].kind != SourceKind.None) ++calls["replaced"];

        vm.prank(_owners[owner]);
        _topUps.instruct(account, place, instruction);
        _left[account][place] = instruction;
        delete _ledger[account][place];
    }

    function cancel(uint256 owner, uint256 number) external {
        ++acts;
        AccountId account = _accountOf(owner % OWNERS, 0);
        uint8 place = uint8(number % NUMBERS);
        if (_left[account][place].kind == SourceKind.None) return;
        vm.prank(account.ownerOf());
        _topUps.cancel(account, place);
        delete _left[account][place];
        ++calls["cancelled"];
    }

    /// @dev New tokens into one of an owner's sources: wallet, second account, honest and hostile shares.
    function fill(uint256 owner, uint256 source, uint256 amount) public {
        ++acts;
        (owner, source, amount) = (owner % OWNERS, source % 4, bound(amount, 1, 3_000e6));
        if (source == 1) return _give(_accountOf(owner, 1), amount);
        _usdc.mint(_owners[owner], amount);
        if (source == 0) return;
        MockShares shares = source == 2 ? _honest : _hostile;
        // Shares whose price is high cost more than the wallet has in it for one.
        if (shares.previewDeposit(amount) == 0) return;
        vm.startPrank(_owners[owner]);
        _usdc.approve(address(shares), amount);
        shares.deposit(amount, _owners[owner]);
        vm.stopPrank();
    }

    /// @dev Takes from a source, or from the account itself, nearly everything that can go.
    function drain(uint256 owner, uint256 source, uint256 left) external {
        ++acts;
        (owner, source, left) = (owner % OWNERS, source % 4, bound(left, 0, 300e6));
        address wallet = _owners[owner];
        if (source < 2) {
            AccountId account = _accountOf(owner, source);
            uint256 most = _system.engine.withdrawable(account, address(_usdc));
            if (most <= left) return;
            vm.prank(wallet);
            _system.vault.withdraw(account, address(_usdc), most - left, wallet);
            return;
        }
        MockToken token = source == 2 ? _usdc : MockToken(address(_honest));
        uint256 held = token.balanceOf(wallet);
        if (held <= left) return;
        vm.prank(wallet);
        token.transfer(makeAddr("elsewhere"), held - left);
    }

    /// @dev An owner trades with the house at the mark; what the gate refuses is no act.
    function trade(uint256 owner, uint256 sub, int256 size) external {
        ++acts;
        size = bound(size, -12e18, 12e18);
        if (size == 0) return;
        try this.clear(_accountOf(owner % OWNERS, uint96(sub % 2)), size) {} catch {
            ++calls["trade refused"];
        }
    }

    function clear(AccountId account, int256 size) external {
        if (msg.sender != address(this)) revert NotTheHandler(msg.sender);
        _clear(account, size);
    }

    // What happens to them

    function movePrice(uint256 seed) external {
        ++acts;
        _system.feeds[0].updateAnswer(int256(bound(seed, 2_650e8, 3_150e8)));
    }

    function moveSharePrice(bool isHonest, uint256 seed) external {
        ++acts;
        address shares = isHonest ? address(_honest) : address(_hostile);
        uint256 held = _usdc.balanceOf(shares);
        if (seed % 2 == 0) _usdc.mint(shares, held / 10);
        else _usdc.burn(shares, held / 10);
    }

    function passTime(uint256 elapsed) external {
        ++acts;
        vm.warp(block.timestamp + bound(elapsed, 1, 4 hours));
        _system.feeds[0].updateAnswer(_system.feeds[0].latestAnswer());
    }

    function donate(uint256 amount) external {
        ++acts;
        amount = bound(amount, 1, 10e6);
        _usdc.mint(address(_topUps), amount);
        donated += amount;
    }

    // Internals

    function _clear(AccountId account, int256 size) private {
        Trade[] memory trades = new Trade[](1);
        trades[0].instrument = _system.perpetuals[0];
        trades[0].size = int128(size);
        trades[0].price = uint128(_system.oracle.price(1));
        (trades[0].taker.account, trades[0].maker.account) = (account, _house);
        _system.clearinghouse.clear(trades);
    }

    function _give(AccountId account, uint256 amount) private {
        _usdc.mint(address(this), amount);
        _usdc.approve(address(_system.vault), amount);
        _system.vault.deposit(account, address(_usdc), amount);
    }

    function _accountOf(uint256 owner, uint256 sub) internal view returns (AccountId) {
        return accountIdOf(_owners[owner], uint96(sub));
    }
}
